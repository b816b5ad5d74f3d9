import { expect, it } from 'vitest';
import { retryAfterSeconds } from '../../src/services/outbound/retryAfter.js';

const NOW = Date.UTC(2026, 10, 6, 8, 49, 7);

it.each([
  ['2', 2],
  ['Fri, 06 Nov 2026 08:49:37 GMT', 30],
  ['Friday, 06-Nov-26 08:49:37 GMT', 30],
  ['Fri Nov  6 08:49:37 2026', 30],
  ['Fri, 06 Nov 2026 08:00:00 GMT', 0],
  ['1.5', 1.5],
  ['soon', undefined],
  ['', undefined],
  [' ', undefined],
  ['-5', undefined],
  ['0x10', undefined],
  ['1e3', undefined],
  ['Infinity', undefined],
  [undefined, undefined],
])('reads Retry-After: %s', (header, seconds) => {
  expect(retryAfterSeconds(header, NOW)).toBe(seconds);
});
