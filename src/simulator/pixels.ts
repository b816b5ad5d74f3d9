/** Calculations on the pixels of images of the same size. */
import { createHash } from 'node:crypto';
import { openRaster, type Raster, resize, toRaster } from './images.js';

/** Single-colour cells along each side of an image that stands for a model's result. */
const CELLS = 4;

/** The colours of the cells, row by row, RGB; unique for each text. */
export function hashColours(text: string): Buffer {
  return createHash('sha512')
    .update(text)
    .digest()
    .subarray(0, CELLS * CELLS * 3);
}

/** An image that stands for a model's result: cells whose colours depend on every character of the text. */
export function hashPicture(text: string, width: number, height: number): Promise<Raster> {
  const cells: Raster = { data: hashColours(text), width: CELLS, height: CELLS, channels: 3 };
  return resize(cells, width, height, 'nearest');
}

/** Removes transparency. */
export async function opaque(image: Raster): Promise<Raster> {
  return image.channels === 3 ? image : toRaster(openRaster(image).removeAlpha());
}

/**
 * Combines two images per channel value. Transparency is removed, and the second image is resized to the first.
 * @param put gets two values from 0 to 255 and their index
 */
export async function combined(
  first: Raster,
  second: Raster,
  put: (first: number, second: number, at: number) => number,
): Promise<Raster> {
  const { data, width, height } = await opaque(first);
  const isAsLarge = second.width === width && second.height === height;
  const other = await opaque(isAsLarge ? second : await resize(second, width, height));
  const whole = Buffer.alloc(data.length);
  for (const [at, value] of data.entries()) {
    whole[at] = Math.min(255, Math.max(0, Math.round(put(value, other.data[at] ?? 0, at))));
  }
  return { data: whole, width, height, channels: 3 };
}

/** The average colour. */
export function averageColour({ data, channels }: Raster): readonly number[] {
  const sums = [0, 0, 0];
  for (let at = 0; at < data.length; at += channels) {
    for (const channel of [0, 1, 2]) sums[channel] = (sums[channel] ?? 0) + (data[at + channel] ?? 0);
  }
  return sums.map((sum) => Math.round((sum * channels) / data.length));
}
