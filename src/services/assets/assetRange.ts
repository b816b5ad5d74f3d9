import type { ByteRange } from '../../utils/StoredFile.js';
import { AssetError } from './AssetError.js';

/**
 * Returns the bytes of a range.
 * @returns first and last byte, both inclusive; for an empty file the last one is -1
 * @throws AssetError `invalid_range`
 */
export function resolveRange(
  range: ByteRange | undefined,
  sizeBytes: number,
): { start: number; end: number } {
  const { start = 0, end = sizeBytes - 1 } = range ?? {};
  const isSound = Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0;
  if (range && (!isSound || end < start || start >= sizeBytes)) {
    throw new AssetError('invalid_range', `There are no bytes ${start} to ${end} of ${sizeBytes}.`);
  }
  return { start, end: Math.min(end, sizeBytes - 1) };
}
