import { openImage } from '../../utils/openImage.js';

/** Pixels, at most, either way. */
const SIDE = 192;

/**
 * A small WebP of an image, for lists; transparency stays.
 * @param maxPixels width x height that is decoded at most
 */
export async function makeThumbnail(image: Buffer, maxPixels: number): Promise<Buffer> {
  return openImage(image, maxPixels)
    .resize(SIDE, SIDE, { fit: 'inside', withoutEnlargement: true })
    .webp({ quality: 70 })
    .toBuffer();
}
