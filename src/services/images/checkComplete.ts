import { decodeCompletely } from './decode.js';
import { isGif, isWholeGif } from './gif.js';
import { isJpeg, readAtOnce, showsMissingData } from './jpeg.js';
import { readStructure, typeOf } from './readStructure.js';

/**
 * Checks that an image has all of its pixels. An undamaged PNG, JPEG, WebP or GIF is not decoded: its structure shows
 * it. Every other image is decoded completely, an animation with all of its frames.
 * @param maxPixels maximum width x height to decode
 * @throws if any of its pixels cannot be decoded
 */
export async function checkComplete(bytes: Buffer, maxPixels: number): Promise<void> {
  if (isGif(bytes)) {
    if (!isWholeGif(bytes)) throw new Error('the GIF ends within its image data');
    return;
  }
  const type = typeOf(bytes);
  const structure = type && readStructure(bytes, type);
  if (structure && (structure.contradiction ?? structure.problem ?? structure.damage) === undefined) return;
  // Otherwise the decoder hides that the last rows are missing.
  const image = isJpeg(bytes) && showsMissingData(bytes) ? readAtOnce(bytes) : bytes;
  await decodeCompletely(image, maxPixels, 'all frames');
}
