import { AppError } from '../../errors.js';
import { openImage } from '../../utils/openImage.js';
import { openInSrgb } from './colours.js';
import { isPng, rebuildPng } from './png.js';

/**
 * Copies the alpha channel of one image to another, as ComfyUI's `/upload/mask` does.
 * @returns a PNG
 * @throws AppError `INVALID_IMAGE` if one of them cannot be decoded, or their sizes differ
 */
export async function putMask(picture: Buffer, mask: Buffer, maxPixels: number): Promise<Buffer> {
  try {
    const alpha = await openImage(mask, maxPixels)
      .ensureAlpha()
      .extractChannel('alpha')
      .raw()
      .toBuffer({ resolveWithObject: true });
    const { width, height } = alpha.info;
    const { width: ownWidth, height: ownHeight } = await openImage(picture, maxPixels).metadata();
    if (width !== ownWidth || height !== ownHeight) {
      throw new AppError('INVALID_IMAGE', 'The mask and its image differ in size.');
    }
    const described = isPng(picture) ? rebuildPng(picture) : picture;
    const srgb = await openInSrgb(described, maxPixels, 'warning');
    const colours = await srgb.toColourspace('srgb').removeAlpha().raw().toBuffer();
    return await openImage(colours, maxPixels, { raw: { width, height, channels: 3 } })
      .joinChannel(alpha.data, { raw: { width, height, channels: 1 } })
      .png()
      .toBuffer();
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('INVALID_IMAGE', 'The mask or its image cannot be read.', { cause: error });
  }
}
