import { openImage } from '../../utils/openImage.js';

/**
 * Decodes an image completely and keeps nothing of it.
 * @param maxPixels maximum width x height to decode
 * @throws if any of its pixels cannot be decoded
 */
export async function decodeCompletely(bytes: Buffer, maxPixels: number): Promise<void> {
  const { height } = await openImage(bytes, maxPixels).metadata();
  // The last row comes after all others, so memory for one row is enough.
  await openImage(bytes, maxPixels)
    .extract({ left: 0, top: height - 1, width: 1, height: 1 })
    .raw()
    .toBuffer();
}
