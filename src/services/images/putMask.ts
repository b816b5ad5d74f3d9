import { AppError } from '../../errors.js';
import { openImage } from '../../utils/openImage.js';
import { openInSrgb } from './colours.js';
import { isPng, rebuildPng } from './png.js';
import { decoding, requirePicture } from './requirePicture.js';

/**
 * Copies the alpha channel of one image to another, as ComfyUI's `/upload/mask` does.
 * @param maxPixels maximum width x height of each
 * @returns a PNG
 * @throws AppError `UNSUPPORTED_IMAGE_TYPE`, `IMAGE_TOO_LARGE`, or `INVALID_IMAGE` if one of them cannot be decoded, or their
 * sizes differ
 */
export async function putMask(picture: Buffer, mask: Buffer, maxPixels: number): Promise<Buffer> {
  await requirePicture(mask);
  await requirePicture(picture);
  return decoding(maxPixels, () => withAlphaOf(picture, mask, maxPixels));
}

async function withAlphaOf(picture: Buffer, mask: Buffer, maxPixels: number): Promise<Buffer> {
  const { width, height } = await openImage(mask, maxPixels).metadata();
  const { width: ownWidth, height: ownHeight } = await openImage(picture, maxPixels).metadata();
  // Before a pixel is decoded.
  if (width !== ownWidth || height !== ownHeight) {
    throw new AppError('INVALID_IMAGE', 'The mask and its image differ in size.');
  }
  const alpha = await openImage(mask, maxPixels).ensureAlpha().extractChannel('alpha').raw().toBuffer();
  const described = isPng(picture) ? rebuildPng(picture) : picture;
  const srgb = await openInSrgb(described, maxPixels, 'warning');
  const colours = await srgb.toColourspace('srgb').removeAlpha().raw().toBuffer();
  return openImage(colours, maxPixels, { raw: { width, height, channels: 3 } })
    .joinChannel(alpha, { raw: { width, height, channels: 1 } })
    .png()
    .toBuffer();
}
