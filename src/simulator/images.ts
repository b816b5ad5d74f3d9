import type { Sharp } from 'sharp';
import { openImage } from '../utils/openImage.js';
import { OUT_OF_MEMORY } from './faults.js';
import { NodeException } from './NodeException.js';

/** An image passed between nodes: 8 bits per channel, 3 (RGB) or 4 (RGBA) channels. */
export interface Raster {
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
}

/** The pixel limit of every image here: Pillow's limit for decompression bombs, with room for processed images. */
export const MAX_PIXELS = 2 ** 28;
/** An APP14 segment, in which Adobe's programs declare how CMYK is stored. */
const ADOBE_MARKER = Buffer.from([0xff, 0xee, 0x00, 0x0e, ...Buffer.from('Adobe')]);

/**
 * Decodes as ComfyUI's loaders do with Pillow's `convert("RGB")`: values are used as stored, without applying a colour profile;
 * CMYK by the simplest formula; 16-bit grey clipped at 255; the first frame; no transparency. Only `LoadImage` applies EXIF
 * rotation.
 */
export async function decodeRgb(bytes: Buffer, applyExif: boolean): Promise<Raster> {
  const input = { ignoreIcc: true, failOn: 'truncated' } as const;
  const { space } = await openImage(bytes, MAX_PIXELS, input).metadata();
  const image = openImage(bytes, MAX_PIXELS, input);
  const upright = applyExif ? image.autoOrient() : image;
  if (space === 'cmyk') return fromCmyk(upright, bytes);
  return space === 'grey16' ? clippedGrey(upright) : toRaster(upright.removeAlpha());
}

/** Pillow treats every CMYK JPEG as one from Adobe, whose values are inverted (they give the amount of paper left). */
async function fromCmyk(image: Sharp, bytes: Buffer): Promise<Raster> {
  const { data, info } = await image
    .pipelineColourspace('cmyk')
    .toColourspace('cmyk')
    .raw()
    .toBuffer({ resolveWithObject: true });
  // libvips has inverted only those with Adobe's marker.
  const isInk = bytes.includes(ADOBE_MARKER);
  const pixels = info.width * info.height;
  const rgb = Buffer.alloc(3 * pixels);
  for (let n = 0; n < pixels; n += 1) {
    const left = (channel: number) => {
      const value = data[n * info.channels + channel] ?? 0;
      return isInk ? 255 - value : value;
    };
    for (const channel of [0, 1, 2]) rgb[3 * n + channel] = Math.round((left(channel) * left(3)) / 255);
  }
  return { data: rgb, width: info.width, height: info.height, channels: 3 };
}

async function clippedGrey(image: Sharp): Promise<Raster> {
  const { data, info } = await image
    .removeAlpha()
    .toColourspace('grey16')
    .raw({ depth: 'ushort' })
    .toBuffer({ resolveWithObject: true });
  const pixels = info.width * info.height;
  const rgb = Buffer.alloc(3 * pixels);
  for (let n = 0; n < pixels; n += 1) {
    const value = Math.min(255, data.readUInt16LE(2 * n * info.channels));
    rgb.fill(value, 3 * n, 3 * n + 3);
  }
  return { data: rgb, width: info.width, height: info.height, channels: 3 };
}

export async function encodePng(image: Raster): Promise<Buffer> {
  return openRaster(image).png({ compressionLevel: 4 }).toBuffer();
}

export async function resize(
  image: Raster,
  width: number,
  height: number,
  kernel: 'lanczos3' | 'nearest' = 'lanczos3',
): Promise<Raster> {
  return toRaster(openRaster(image).resize(width, height, { fit: 'fill', kernel }));
}

/** Opens an image in sharp for encoding or changing. */
export function openRaster({ data, width, height, channels }: Raster): Sharp {
  return openImage(data, MAX_PIXELS, { raw: { width, height, channels } });
}

/** Maximum pixels of a batch before the machine runs out of memory. */
const MAX_BATCH_PIXELS = MAX_PIXELS / 4;

/**
 * A batch of `count` equal images of one colour, `0xrrggbb`.
 * @throws NodeException if the batch does not fit into the machine's memory
 */
export function emptyBatch(width: number, height: number, count: number, colour = 0): Raster[] {
  if (width * height * count > MAX_BATCH_PIXELS) {
    throw new NodeException(OUT_OF_MEMORY.type, OUT_OF_MEMORY.message);
  }
  const pixel = Buffer.from([colour >> 16, (colour >> 8) & 255, colour & 255]);
  const image: Raster = { data: Buffer.alloc(width * height * 3, pixel), width, height, channels: 3 };
  return Array.from({ length: count }, () => image);
}

/** Converts a sharp image to the form that nodes pass on. */
export async function toRaster(image: Sharp): Promise<Raster> {
  const { data, info } = await image
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: info.channels === 4 ? 4 : 3 };
}

/** The mask is computed on a copy with about this side length: this is fast and gives soft edges. */
const MASK_SIDE = 384;
/** Maximum difference to the border's colour for background, summed over the channels. */
const BACKGROUND_TOLERANCE = 60;

/**
 * A stand-in for a matting model: pixels connected to the border that look like background are removed. Good enough for a subject
 * on a plain background.
 * @returns the image with an alpha channel
 */
export async function cutOut(image: Raster): Promise<Raster> {
  const factor = Math.min(1, MASK_SIDE / Math.max(image.width, image.height));
  const width = Math.max(1, Math.round(image.width * factor));
  const height = Math.max(1, Math.round(image.height * factor));
  const small = await resize(image, width, height);
  const mask = growBackground(small);
  const alpha = await openImage(mask, MAX_PIXELS, { raw: { width, height, channels: 1 } })
    .blur(0.8)
    .resize(image.width, image.height, { fit: 'fill', kernel: 'cubic' })
    .toColourspace('b-w')
    .raw()
    .toBuffer();
  const rgb = image.channels === 4 ? await toRaster(openRaster(image).removeAlpha()) : image;
  const joined = openRaster(rgb).joinChannel(alpha, {
    raw: { width: image.width, height: image.height, channels: 1 },
  });
  return toRaster(joined);
}

/** Flood fill from every border pixel: 0 for background, 255 for the subject. */
function growBackground({ data, width, height, channels }: Raster): Buffer {
  const border = borderColour(data, width, height, channels);
  const mask = Buffer.alloc(width * height, 255);
  const stack: number[] = [];
  const visit = (pixel: number) => {
    if (mask[pixel] === 0) return;
    const at = pixel * channels;
    const difference = border.reduce((sum, value, c) => sum + Math.abs((data[at + c] ?? 0) - value), 0);
    if (difference > BACKGROUND_TOLERANCE) return;
    mask[pixel] = 0;
    stack.push(pixel);
  };
  for (const pixel of borderPixels(width, height)) visit(pixel);
  for (let pixel = stack.pop(); pixel !== undefined; pixel = stack.pop()) {
    const x = pixel % width;
    if (x > 0) visit(pixel - 1);
    if (x < width - 1) visit(pixel + 1);
    if (pixel >= width) visit(pixel - width);
    if (pixel < width * (height - 1)) visit(pixel + width);
  }
  return mask;
}

function* borderPixels(width: number, height: number): Generator<number> {
  for (let x = 0; x < width; x += 1) {
    yield x;
    yield (height - 1) * width + x;
  }
  for (let y = 1; y < height - 1; y += 1) {
    yield y * width;
    yield y * width + width - 1;
  }
}

/** The median colour of the border, per channel: a subject that touches the border does not change it. */
function borderColour(data: Buffer, width: number, height: number, channels: number): number[] {
  const pixels = [...borderPixels(width, height)];
  return [0, 1, 2].map((channel) => {
    const values = pixels.map((pixel) => data[pixel * channels + channel] ?? 0).sort((a, b) => a - b);
    return values[Math.floor(values.length / 2)] ?? 0;
  });
}
