import { fileTypeFromBuffer } from 'file-type';
import { AppError, messageOf } from '../../errors.js';
import { isDecodable } from './formats.js';

/** First bytes of a file that determine its type. */
export const HEAD_BYTES = 64 * 1024;

/**
 * Checks the type of a file.
 * @param head its first bytes, up to `HEAD_BYTES`
 * @throws AppError `UNSUPPORTED_IMAGE_TYPE` if it is no picture that can be converted
 */
export async function requirePicture(head: Buffer): Promise<void> {
  const type = await fileTypeFromBuffer(head);
  if (type && isDecodable(type.mime)) return;
  throw new AppError('UNSUPPORTED_IMAGE_TYPE', 'The file is not a picture that can be converted.');
}

/**
 * Runs work that decodes a client's pictures.
 * @param maxPixels the limit of the work
 * @throws its own AppErrors; `IMAGE_TOO_LARGE` if the decoder reports the limit, otherwise `INVALID_IMAGE`
 */
export async function decoding<T>(maxPixels: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (messageOf(error).includes('exceeds pixel limit')) {
      throw new AppError('IMAGE_TOO_LARGE', `The picture has more than ${maxPixels} pixels.`);
    }
    throw new AppError('INVALID_IMAGE', 'The picture cannot be read.', { cause: error });
  }
}
