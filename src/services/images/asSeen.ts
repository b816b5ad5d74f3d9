import type { Sharp } from 'sharp';
import { openImage } from '../../utils/openImage.js';
import { type Failure, openInSrgb } from './colours.js';
import { orientationOf, turned } from './orientation.js';
import { hasOddColours, isPng, rebuildPng } from './png.js';

/**
 * Opens an image in the colours that a viewer shows, but not rotated.
 * @param maxPixels maximum width x height to decode
 */
export async function openInColours(bytes: Buffer, maxPixels: number, failOn: Failure): Promise<Sharp> {
  if (!isPng(bytes)) return openInSrgb(bytes, maxPixels, failOn);
  // An ordinary PNG needs no second look at its header.
  if (!hasOddColours(bytes)) return openImage(bytes, maxPixels, { failOn });
  return openInSrgb(rebuildPng(bytes), maxPixels, failOn);
}

/**
 * Returns an image whose stored pixels are what a viewer shows: the same bytes, or an upright PNG in 8-bit sRGB. An
 * encoding in between is simpler than one pipeline: sharp has its own order of operations.
 * @param maxPixels maximum width x height to decode
 */
export async function asSeen(bytes: Buffer, maxPixels: number): Promise<Buffer> {
  const orientation = orientationOf(bytes);
  if (orientation === 1 && !(await areColoursOdd(bytes, maxPixels))) return bytes;
  const image = turned(await openInColours(bytes, maxPixels, 'warning'), orientation);
  return image.png({ compressionLevel: 1 }).toBuffer();
}

async function areColoursOdd(bytes: Buffer, maxPixels: number): Promise<boolean> {
  if (isPng(bytes)) return hasOddColours(bytes);
  const { icc, space, depth } = await openImage(bytes, maxPixels).metadata();
  return depth === 'ushort' || (icc !== undefined && space === 'b-w');
}
