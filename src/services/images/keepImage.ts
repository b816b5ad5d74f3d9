import { openImage } from '../../utils/openImage.js';
import { checkComplete } from './checkComplete.js';
import { asResult, tooManyPixels } from './finish.js';
import { isGif } from './gif.js';
import { isJpeg, stripJpegMetadata } from './jpeg.js';
import { orientationOf, uprightSize } from './orientation.js';
import { isPng, sizeOfWholePng } from './png.js';
import { pngChunks, SIGNATURE } from './pngChunks.js';
import { stripPngMetadata, withOrientation } from './pngMetadata.js';
import { isWebp, stripWebpMetadata } from './webp.js';

/** An image that is passed on as ComfyUI produced it. */
interface KeptImage {
  readonly bytes: Buffer;
  /** Pixels as a viewer shows them: upright. */
  readonly width: number;
  readonly height: number;
}

/**
 * Passes an image on without its metadata, decoded only if it may be damaged.
 * @param bytes is consumed, as by `stripPngMetadata`
 * @param maxPixels maximum width x height of a result
 * @throws PromptError `result too large`, or `unreadable result` if its size or any of its pixels cannot be read
 */
export async function keepImage(bytes: Buffer, maxPixels: number): Promise<KeptImage> {
  const whole = sizeOfWholePng(bytes);
  const orientation = orientationOf(bytes);
  const { width, height } = uprightSize(whole ?? (await sizeOf(bytes, maxPixels)), orientation);
  if (width * height > maxPixels) throw tooManyPixels(maxPixels);
  if (!whole) await asResult(maxPixels, () => checkComplete(bytes, maxPixels));
  return { bytes: withoutMetadata(bytes, orientation), width, height };
}

/**
 * Returns a PNG, JPEG or WebP without its metadata, in which ComfyUI stores the whole prompt: only the orientation is
 * kept. Nothing is decoded. An animated PNG loses texts and EXIF data only; any other file stays unchanged.
 * @param bytes is consumed, as by `stripPngMetadata`
 * @param orientation of the image, if it is known
 */
export function withoutMetadata(bytes: Buffer, orientation = orientationOf(bytes)): Buffer {
  if (isJpeg(bytes)) return stripJpegMetadata(bytes, orientation);
  if (isWebp(bytes)) return stripWebpMetadata(bytes, orientation);
  if (!isPng(bytes)) return bytes;
  return isAnimated(bytes)
    ? withOrientation(withoutTexts(bytes), orientation)
    : stripPngMetadata(bytes, orientation);
}

/** Whether an image may be animated, by its structure: a GIF, an animated PNG or an animated WebP. */
export function isAnimated(bytes: Buffer): boolean {
  if (isGif(bytes)) return true;
  if (isWebp(bytes)) return bytes.toString('latin1', 12, 16) === 'VP8X' && ((bytes[20] ?? 0) & 2) !== 0;
  if (!isPng(bytes)) return false;
  for (const { name } of pngChunks(bytes)) {
    if (name === 'acTL') return true;
    if (name === 'IDAT') return false;
  }
  return false;
}

/** Chunks in which nodes store texts. `comf` is ComfyUI's own, after the first image of an animation. */
const TEXTS: ReadonlySet<string> = new Set(['tEXt', 'zTXt', 'iTXt', 'eXIf', 'comf']);

/** Returns the same animation without its texts; the same buffer if it has none. */
function withoutTexts(png: Buffer): Buffer {
  const chunks = [...pngChunks(png)];
  const kept = chunks.filter(({ name }) => !TEXTS.has(name));
  return kept.length === chunks.length ? png : Buffer.concat([SIGNATURE, ...kept.map(({ whole }) => whole)]);
}

function sizeOf(bytes: Buffer, maxPixels: number): Promise<{ width: number; height: number }> {
  return asResult(maxPixels, () => openImage(bytes, maxPixels).metadata());
}
