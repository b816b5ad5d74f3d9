import sharp, { type Sharp, type SharpOptions } from 'sharp';

/**
 * Opens an image in sharp, always with a limit: a header of a few bytes can claim any size, and decoders allocate
 * memory before they notice. The only place that calls sharp.
 * @param image bytes of a file, or pixels with `options.raw`
 * @param maxPixels maximum width x height to decode
 */
export function openImage(
  image: Buffer,
  maxPixels: number,
  options: Omit<SharpOptions, 'limitInputPixels'> = {},
): Sharp {
  // In sharp, 0 means "no limit".
  return sharp(image, { ...options, limitInputPixels: Math.max(1, maxPixels) });
}
