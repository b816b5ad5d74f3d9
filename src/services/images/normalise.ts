import { AppError } from '../../errors.js';
import type { ImageInput } from '../../workflows/imageNodes.js';
import { type Failure, openInSrgb } from './colours.js';
import { firstPictureOf, rebuildJpeg } from './jpeg.js';
import { turned } from './orientation.js';
import { rebuildPng } from './png.js';
import type { InspectedImage } from './structure.js';
import { rebuildWebp } from './webp.js';

// Maximum change by a second encoding: 11 of 255 at quality 95 for a noisy photo, 5 at 98, 3 at 99.
const JPEG_QUALITY = 99;
// The machine is in the same network: a few percent of the size are not worth twice the time.
const PNG_COMPRESSION = 3;

/**
 * Converts an upload for ComfyUI's loaders, which read the values as sRGB: unchanged if that is correct, otherwise
 * decoded and encoded as 8-bit sRGB, upright. The format may change: loaders detect it from the bytes.
 * @throws AppError `INVALID_IMAGE` if the pixels cannot be decoded
 */
export async function normaliseImage(
  bytes: Buffer,
  image: InspectedImage,
  loader: ImageInput,
): Promise<Buffer> {
  const isLeftToLoader = loader === 'upload' && image.mimeType === 'image/jpeg';
  if (image.content === 'odd' || (image.orientation > 1 && !isLeftToLoader)) {
    return convertImage(rebuild(bytes, image), image, 'truncated');
  }
  return image.content === 'several' ? firstPictureOf(bytes) : bytes;
}

/** Returns the input of the decoder: the image without anything that could mislead it. */
function rebuild(bytes: Buffer, { mimeType }: InspectedImage): Buffer {
  switch (mimeType) {
    case 'image/png':
      return rebuildPng(bytes);
    case 'image/jpeg':
      return rebuildJpeg(bytes);
    case 'image/webp':
      return rebuildWebp(bytes);
  }
}

/**
 * Decodes an image completely and encodes it as 8-bit sRGB, upright and without metadata: as JPEG if it already has
 * its losses, otherwise as PNG.
 * @param bytes rebuilt, so that only `image` defines the orientation
 * @throws AppError `INVALID_IMAGE`
 */
export async function convertImage(bytes: Buffer, image: InspectedImage, failOn: Failure): Promise<Buffer> {
  // No decoder may see more pixels than the checked header has.
  const maxPixels = storedPixels(image);
  try {
    const upright = turned(await openInSrgb(bytes, maxPixels, failOn), image.orientation);
    const encoded = image.isLossy
      ? upright.jpeg({ quality: JPEG_QUALITY, chromaSubsampling: '4:4:4' })
      : upright.png({ compressionLevel: PNG_COMPRESSION });
    return await encoded.toBuffer();
  } catch (error) {
    throw new AppError('INVALID_IMAGE', 'The image cannot be decoded.', { cause: error });
  }
}

/** Number of pixels of an image: the limit for its decoder. */
export const storedPixels = ({ width, height }: InspectedImage) => width * height;
