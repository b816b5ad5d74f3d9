import { openImage } from '../../utils/openImage.js';
import { asSeen } from './asSeen.js';

/** Maximum width and height in pixels. */
const SIDE = 192;

/**
 * Returns a small WebP of an image as a viewer shows it, for lists; keeps transparency.
 * @param maxPixels maximum width x height to decode
 */
export async function makeThumbnail(image: Buffer, maxPixels: number): Promise<Buffer> {
  return openImage(await asSeen(image, maxPixels), maxPixels)
    .resize(SIDE, SIDE, { fit: 'inside', withoutEnlargement: true })
    .webp({ quality: 70 })
    .toBuffer();
}
