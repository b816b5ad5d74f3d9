import { expect, it } from 'vitest';
import { numberInText, wholeDigits } from '../../src/utils/numerals.js';

it.each([
  ['1e1', '10'],
  ['1.0E+1', '10'],
  ['-1e0', '-1'],
  ['2000e-3', '2'],
  ['0.00e5', '0'],
  ['-0e1', '0'],
  ['0.012e3', '12'],
  // No digit is rounded.
  ['1.8446744073709551615e19', '18446744073709551615'],
  ['1e-7', undefined],
  ['25e-1', undefined],
  ['1e999', undefined],
  ['1e99', `1${'0'.repeat(99)}`],
  ['1e100', undefined],
  ['10', undefined],
  ['1.0', undefined],
  ['NaN', undefined],
  ['e1', undefined],
])('the digits of %s are %s', (text, digits) => {
  expect(wholeDigits(text)).toBe(digits);
});

it.each([
  ['-1', -1],
  [' +2.50 ', 2.5],
  ['.5e1', 5],
  ['5.', 5],
  ['', undefined],
  ['.', undefined],
  ['0x10', undefined],
  ['1e999', undefined],
  ['inf', undefined],
  [`${'1'.repeat(200)}x`, undefined],
])('the number in "%s" is %s', (text, number) => {
  expect(numberInText(text)).toBe(number);
});

it('a long text that is no number takes no time', () => {
  const before = performance.now();
  expect(numberInText(`${'1'.repeat(1_000_000)}x`)).toBeUndefined();
  expect(performance.now() - before).toBeLessThan(1000);
});
