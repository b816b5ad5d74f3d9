import { decodeCompletely } from './decode.js';
import { isGif, isWholeGif } from './gif.js';
import { isJpeg, readAtOnce, showsMissingData } from './jpeg.js';
import { walkJpeg } from './jpegSegments.js';
import { isInTooManyPieces } from './pngChunks.js';
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
  // Decoders take seconds for them, and what follows reads only so many.
  if (type === 'image/png' && isInTooManyPieces(bytes)) throw new Error('the PNG is in too many pieces');
  const structure = type && readStructure(bytes, type);
  if (structure && (structure.contradiction ?? structure.problem ?? structure.damage) === undefined) return;
  // Otherwise the decoder hides that the last rows are missing.
  const jpeg = isJpeg(bytes) ? walkJpeg(bytes) : undefined;
  const image = jpeg && showsMissingData(jpeg) ? readAtOnce(jpeg.segments) : bytes;
  await decodeCompletely(image, maxPixels, 'all frames');
}
