import { isJpeg, readJpeg } from './jpeg.js';
import { isPng, readPng } from './png.js';
import type { ImageStructure, ImageType } from './structure.js';
import { isWebp, readWebp } from './webp.js';

/** Returns the type of a file by its first bytes, if it is supported. */
export function typeOf(bytes: Buffer): ImageType | undefined {
  if (isPng(bytes)) return 'image/png';
  if (isJpeg(bytes)) return 'image/jpeg';
  return isWebp(bytes) ? 'image/webp' : undefined;
}

/** Reads the structure of a file of a known type; undefined if it has no size. */
export function readStructure(bytes: Buffer, type: ImageType): ImageStructure | undefined {
  switch (type) {
    case 'image/png':
      return readPng(bytes);
    case 'image/jpeg':
      return readJpeg(bytes);
    case 'image/webp':
      return readWebp(bytes);
  }
}
