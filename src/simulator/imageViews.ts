import { openImage } from '../utils/openImage.js';
import type { Answer } from './answers.js';
import { dispositionOf } from './fileAnswer.js';
import { decodeRgb, MAX_PIXELS, openRaster, type Raster, toRaster } from './images.js';

/** What `GET /view` makes of a picture before it sends it. */
interface ImageView {
  readonly format: 'webp' | 'jpeg' | 'png';
  /** 1..100. */
  readonly quality: number;
  /** `a`: black, with the alpha channel of the picture. */
  readonly channels: 'all' | 'rgb' | 'a';
}

/** Returns what `preview` and `channel` request; undefined for the file itself. `preview` wins, and has no channel `a`. */
export function imageView(query: URLSearchParams): ImageView | undefined {
  const channel = query.get('channel') ?? 'rgba';
  const preview = query.get('preview');
  if (preview !== null) {
    const parts = preview.split(';');
    const isJpeg = parts[0] === 'jpeg' && !query.get('channel')?.includes('a');
    const digits = parts.at(-1) ?? '';
    const quality = /^\d+$/.test(digits) ? Math.min(100, Math.max(1, Number(digits))) : 90;
    const channels = isJpeg || channel === 'rgb' ? 'rgb' : 'all';
    return { format: isJpeg ? 'jpeg' : 'webp', quality, channels };
  }
  if (channel !== 'rgb' && channel !== 'a') return undefined;
  return { format: 'png', quality: 100, channels: channel };
}

/** @throws if the file is no picture */
export async function viewedImage(bytes: Buffer, name: string, view: ImageView): Promise<Answer> {
  const { format, quality, channels } = view;
  const image = openRaster(await decoded(bytes, channels));
  const file = {
    bytes: await (format === 'png' ? image.png() : image[format]({ quality })).toBuffer(),
    type: `image/${format}`,
  };
  return { status: 200, file, headers: dispositionOf(name) };
}

async function decoded(bytes: Buffer, channels: ImageView['channels']): Promise<Raster> {
  if (channels === 'rgb') return decodeRgb(bytes, false);
  const { space, channels: bands, isPalette } = await openImage(bytes, MAX_PIXELS).metadata();
  const isOpaque = bands === 3 || bands === 1 || space === 'cmyk';
  if (channels === 'all') {
    return isOpaque ? decodeRgb(bytes, false) : toRaster(openImage(bytes, MAX_PIXELS, { ignoreIcc: true }));
  }
  // Only Pillow's mode `RGBA` counts: not grey with alpha, and no palette with transparency.
  const rgba = await toRaster(openImage(bytes, MAX_PIXELS, { ignoreIcc: true }).ensureAlpha());
  const hasAlpha = bands === 4 && !isOpaque && isPalette !== true;
  for (let at = 0; at < rgba.data.length; at += 4) {
    rgba.data.fill(0, at, at + 3);
    if (!hasAlpha) rgba.data[at + 3] = 255;
  }
  return rgba;
}
