import type { Sharp } from 'sharp';
import { readOrientation, withoutExifPrefix } from './exif.js';
import { readJpeg } from './jpeg.js';
import { pngChunks } from './pngChunks.js';
import { typeOf } from './readStructure.js';
import { readWebp } from './webp.js';

interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * Returns the EXIF orientation of a PNG, JPEG or WebP, 1..8, by which viewers rotate the stored pixels. Other files
 * count as upright.
 */
export function orientationOf(bytes: Buffer): number {
  switch (typeOf(bytes)) {
    case 'image/png':
      return orientationOfPng(bytes);
    case 'image/jpeg':
      return readJpeg(bytes)?.orientation ?? 1;
    case 'image/webp':
      return readWebp(bytes)?.orientation ?? 1;
    default:
      return 1;
  }
}

/** Most results are PNG, so nothing but the chunks is read. */
function orientationOfPng(bytes: Buffer): number {
  for (const { name, data } of pngChunks(bytes)) {
    if (name === 'eXIf') return readOrientation(withoutExifPrefix(data)).orientation;
  }
  return 1;
}

/** Returns the size of an image as a viewer shows it. */
export function uprightSize({ width, height }: Size, orientation: number): Size {
  return orientation >= 5 ? { width: height, height: width } : { width, height };
}

/** Undoes an EXIF orientation; sharp mirrors before it rotates, whatever the order of the calls. */
export function turned(image: Sharp, orientation: number): Sharp {
  switch (orientation) {
    case 2:
      return image.flop();
    case 3:
      return image.rotate(180);
    case 4:
      return image.flip();
    case 5:
      return image.flop().rotate(270);
    case 6:
      return image.rotate(90);
    case 7:
      return image.flop().rotate(90);
    case 8:
      return image.rotate(270);
    default:
      return image;
  }
}
