import { fileTypeFromBuffer } from 'file-type';
import { AppError, messageOf } from '../../errors.js';
import { openImage } from '../../utils/openImage.js';
import type { OutputFormat } from '../../workflows/parameters.js';
import { problemOfSize } from './formats.js';

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

/** First bytes of a file that determine its type. */
export const HEAD_BYTES = 64 * 1024;

/** Types that the decoder may get, by their bytes. An SVG is a program that draws. */
const DECODED: ReadonlySet<string> = new Set([
  'image/png',
  'image/apng',
  'image/jpeg',
  'image/webp',
  'image/gif',
  'image/tiff',
  'image/avif',
]);

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

/**
 * Checks the type of a file.
 * @param head its first bytes, up to `HEAD_BYTES`
 * @throws AppError `UNSUPPORTED_IMAGE_TYPE` if it is no picture that can be converted
 */
export async function requirePicture(head: Buffer): Promise<void> {
  const type = await fileTypeFromBuffer(head);
  if (type && DECODED.has(type.mime)) return;
  throw new AppError('UNSUPPORTED_IMAGE_TYPE', 'The file is not a picture that can be converted.');
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
  try {
    return await convert(file, view, maxPixels);
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (messageOf(error).includes('exceeds pixel limit')) {
      throw new AppError('IMAGE_TOO_LARGE', `The picture has more than ${maxPixels} pixels.`);
    }
    throw new AppError('INVALID_IMAGE', 'The picture cannot be read.', { cause: error });
  }
}

async function convert(file: Buffer, view: ImageView, maxPixels: number): Promise<Buffer> {
  const { format, quality, channels: wanted } = view;
  const open = () => openImage(file, maxPixels, { failOn: 'truncated' });
  const { width, height, channels, hasAlpha, isPalette } = await open().metadata();
  const problem = problemOfSize({ width, height }, FORMATS[format]);
  if (problem !== undefined) throw new AppError('IMAGE_TOO_LARGE', `The picture is ${problem}.`);
  let image = open();
  if (wanted === 'rgb') image = image.removeAlpha();
  if (wanted === 'a') {
    const hasOwn = channels === 4 && hasAlpha && !isPalette;
    // Multiplied by 0: all channels but alpha become black.
    image = (hasOwn ? image : image.removeAlpha().ensureAlpha(1)).linear(0, 0);
  }
  return image[format](format === 'png' ? {} : { quality }).toBuffer();
}
