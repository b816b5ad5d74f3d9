import { openImage } from '../../utils/openImage.js';
import { checkComplete } from './checkComplete.js';
import { asResult, tooManyPixels } from './finish.js';
import { isGif } from './gif.js';
import { isPng, sizeOfWholePng } from './png.js';
import { pngChunks, SIGNATURE } from './pngChunks.js';
import { stripPngMetadata } from './pngMetadata.js';
import { isWebp } from './webp.js';

/** An image that is passed on as ComfyUI produced it. */
interface KeptImage {
  readonly bytes: Buffer;
  readonly width: number;
  readonly height: number;
}

/**
 * Passes an image on, decoded only if it may be damaged. Only the texts of a PNG are removed, in which ComfyUI stores the
 * whole prompt. A PNG without animation also loses its other metadata.
 * @param bytes is consumed, as by `stripPngMetadata`
 * @param maxPixels maximum width x height of a result
 * @throws PromptError `result too large`, or `unreadable result` if its size or any of its pixels cannot be read
 */
export async function keepImage(bytes: Buffer, maxPixels: number): Promise<KeptImage> {
  const whole = sizeOfWholePng(bytes);
  const { width, height } = whole ?? (await sizeOf(bytes, maxPixels));
  if (width * height > maxPixels) throw tooManyPixels(maxPixels);
  if (!whole) await asResult(maxPixels, () => checkComplete(bytes, maxPixels));
  if (!isPng(bytes)) return { bytes, width, height };
  return { bytes: isAnimated(bytes) ? withoutTexts(bytes) : stripPngMetadata(bytes), width, height };
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
