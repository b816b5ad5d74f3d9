import sharp, { type Sharp, type SharpOptions } from 'sharp';

/**
 * Opens an image in sharp, always with a limit: a header of a few bytes may claim any size, and decoders reserve
 * memory for it before they notice. The only place that calls sharp.
 * @param image a file's bytes, or pixels with `options.raw`
 * @param maxPixels width x height that is decoded at most
 */
export function openImage(
  image: Buffer,
  maxPixels: number,
  options: Omit<SharpOptions, 'limitInputPixels'> = {},
): Sharp {
  // sharp takes 0 for "no limit".
  return sharp(image, { ...options, limitInputPixels: Math.max(1, maxPixels) });
}
