import { expect, it } from 'vitest';
import { toIso } from '../../src/utils/clock.js';

it('writes a time the same however many others were written, and those with which it shares its place', () => {
  const times = Array.from({ length: 5000 }, (_, n) => 1_764_000_000_000 + n * 512 + (n % 3) / 4);
  for (let again = 0; again < 2; again += 1) {
    for (const time of times) expect(toIso(time)).toBe(new Date(time).toISOString());
  }
  expect(() => toIso(Number.NaN)).toThrow(RangeError);
});
