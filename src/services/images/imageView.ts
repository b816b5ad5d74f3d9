import { AppError } from '../../errors.js';
import { openImage } from '../../utils/openImage.js';
import type { OutputFormat } from '../../workflows/parameters.js';
import { openInColours } from './asSeen.js';
import { problemOfSize } from './formats.js';
import { isPng, isRgbaPng } from './png.js';
import { decoding, requirePicture } from './requirePicture.js';

/** The form in which a client wants to see a picture. */
export interface ImageView {
  readonly format: keyof typeof FORMATS;
  /** Of WebP and JPEG, 1..100. */
  readonly quality: number;
  /** `rgb`: without transparency, in the colours that transparent pixels have; `a`: black, with the picture's transparency. */
  readonly channels: 'rgba' | 'rgb' | 'a';
}

const FORMATS = { webp: 'WEBP', jpeg: 'JPEG', png: 'PNG' } as const satisfies Record<string, OutputFormat>;

const DEFAULT_QUALITY = 90;
const MAX_QUALITY = 100;

/**
 * Reads the parameters of ComfyUI's `GET /view` (`view_image` in its `server.py`). `preview` is a format and a quality, such as
 * `webp;90`; it takes precedence over `channel`, except that it can be without transparency.
 * @returns undefined for the file as it is
 */
export function imageView(preview: string | undefined, channel = ''): ImageView | undefined {
  if (preview === undefined) {
    return channel === 'rgb' || channel === 'a'
      ? { format: 'png', quality: MAX_QUALITY, channels: channel }
      : undefined;
  }
  const parts = preview.split(';');
  const format = parts[0] === 'jpeg' && !channel.includes('a') ? 'jpeg' : 'webp';
  const digits = parts.at(-1) ?? '';
  const quality = /^\d+$/.test(digits) ? Math.max(1, Math.min(MAX_QUALITY, Number(digits))) : DEFAULT_QUALITY;
  return { format, quality, channels: format === 'jpeg' || channel === 'rgb' ? 'rgb' : 'rgba' };
}

/** Returns a text that differs for different views. */
export function viewKey({ format, quality, channels }: ImageView): string {
  return `${format}-${quality}-${channels}`;
}

/**
 * Converts a picture, without its metadata. As in ComfyUI: the first frame, not rotated, and only a picture of four channels has
 * transparency to extract. Colours are converted to sRGB.
 * @param maxPixels maximum width x height to decode
 * @throws AppError `UNSUPPORTED_IMAGE_TYPE` if it is no picture, `IMAGE_TOO_LARGE` for the limit or for the format, `INVALID_IMAGE`
 */
export async function viewImage(file: Buffer, view: ImageView, maxPixels: number): Promise<Buffer> {
  await requirePicture(file);
  return decoding(maxPixels, () => convert(file, view, maxPixels));
}

async function convert(file: Buffer, view: ImageView, maxPixels: number): Promise<Buffer> {
  const { format, quality, channels: wanted } = view;
  const open = () => openImage(file, maxPixels, { failOn: 'truncated' });
  const { width, height, channels, hasAlpha } = await open().metadata();
  const problem = problemOfSize({ width, height }, FORMATS[format]);
  if (problem !== undefined) throw new AppError('IMAGE_TOO_LARGE', `The picture is ${problem}.`);
  // All colours of `a` become black, so their meaning does not matter.
  let image = wanted === 'a' ? open() : await openInColours(file, maxPixels, 'truncated');
  if (wanted === 'rgb') image = image.removeAlpha();
  if (wanted === 'a') {
    const hasOwn = isPng(file) ? isRgbaPng(file) : channels === 4 && hasAlpha;
    // Multiplied by 0: all channels but alpha become black.
    image = (hasOwn ? image : image.removeAlpha().ensureAlpha(1)).linear(0, 0);
  }
  return image[format](format === 'png' ? {} : { quality }).toBuffer();
}
