import type { Sharp } from 'sharp';
import { AppError } from '../../errors.js';
import { openImage } from '../../utils/openImage.js';
import type { ImageInput } from '../../workflows/imageNodes.js';
import { firstPictureOf, rebuildJpeg } from './jpeg.js';
import { rebuildPng } from './png.js';
import type { InspectedImage } from './structure.js';
import { rebuildWebp } from './webp.js';

// What a second encoding changes at most: 11 of 255 at quality 95 for a noisy photo, 5 at 98, 3 at 99.
const JPEG_QUALITY = 99;
// The machine is in the same network: a few percent of the size are not worth twice the time.
const PNG_COMPRESSION = 3;

/**
 * Makes an upload fit for ComfyUI's loaders, which take the numbers in a file for sRGB: byte for byte as it is where
 * that is right, else decoded and encoded again as 8-bit sRGB, upright. The format may differ from the upload's:
 * loaders go by the bytes.
 * @throws AppError `INVALID_IMAGE` when the pixels cannot be decoded
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

/** What is sent to the decoder: the picture without what could mislead it. */
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
 * Decodes a picture completely and encodes it as 8-bit sRGB, upright and without metadata: as JPEG where it has the
 * losses of one already, else as PNG.
 * @param bytes as rebuilt, so that nothing but `image` says how the pixels lie
 * @param failOn what counts as failure: `truncated` for a file with too few bytes, `warning` for pixels that are missing or wrong
 * @throws AppError `INVALID_IMAGE`
 */
export async function convertImage(
  bytes: Buffer,
  image: InspectedImage,
  failOn: 'truncated' | 'warning',
): Promise<Buffer> {
  // No decoder may see more pixels than the header that was checked.
  const maxPixels = storedPixels(image);
  try {
    const upright = turned(
      openImage(await in8Bits(bytes, maxPixels, failOn), maxPixels, { failOn }),
      image.orientation,
    );
    const encoded = image.isLossy
      ? upright.jpeg({ quality: JPEG_QUALITY, chromaSubsampling: '4:4:4' })
      : upright.png({ compressionLevel: PNG_COMPRESSION });
    return await encoded.toBuffer();
  } catch (error) {
    throw new AppError('INVALID_IMAGE', 'The image cannot be decoded.', { cause: error });
  }
}

const storedPixels = ({ width, height }: InspectedImage) => width * height;

/**
 * Of 16 bits, sharp takes colours to Display P3 and leaves the profile of grey aside. It is given those in 8 bits,
 * with the profile that they have.
 */
async function in8Bits(bytes: Buffer, maxPixels: number, failOn: 'truncated' | 'warning'): Promise<Buffer> {
  const { depth, space, hasProfile } = await openImage(bytes, maxPixels, { failOn }).metadata();
  if (depth !== 'ushort' || !hasProfile) return bytes;
  return openImage(bytes, maxPixels, { failOn, ignoreIcc: true })
    .toColourspace(space === 'grey16' ? 'b-w' : 'srgb')
    .keepIccProfile()
    .png({ compressionLevel: 1 })
    .toBuffer();
}

/** Undoes an EXIF orientation; mirroring comes before turning in sharp, whatever the order of the calls. */
function turned(image: Sharp, orientation: number): Sharp {
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
