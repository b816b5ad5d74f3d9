import { openImage } from '../../utils/openImage.js';

/**
 * Decodes an image completely and keeps nothing of it.
 * @param maxPixels maximum width x height to decode; of each frame, if all frames are decoded
 * @param extent by default, only the first frame of an animation is decoded
 * @throws if any of its pixels cannot be decoded
 */
export async function decodeCompletely(
  bytes: Buffer,
  maxPixels: number,
  extent: 'first frame' | 'all frames' = 'first frame',
): Promise<void> {
  const { height, pages = 1 } = await openImage(bytes, maxPixels).metadata();
  const isAnimation = extent === 'all frames' && pages > 1;
  const [pixels, options] = isAnimation ? [maxPixels * pages, { animated: true }] : [maxPixels, {}];
  // The last row comes after all others, so memory for one row is enough.
  await openImage(bytes, pixels, options)
    .extract({ left: 0, top: height - 1, width: 1, height: 1 })
    .raw()
    .toBuffer();
}
