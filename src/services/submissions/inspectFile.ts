import { fileTypeFromBuffer } from 'file-type';
import { AppError } from '../../errors.js';
import type { Sender } from '../../utils/ClientTurns.js';
import { type Content, headOf, wholeOf } from '../../utils/StoredFile.js';
import type { FileInput, FileKind, Size } from '../../workflows/types.js';
import { inspectImage } from '../images/inspect.js';
import type { ImageType, InspectedImage } from '../images/structure.js';

export interface FileLimits {
  /** Accepted MIME types of images and masks. */
  readonly imageTypes: readonly ImageType[];
  /** Width x height of an image or mask. */
  readonly maxPixels: number;
}

interface InspectionOptions {
  readonly limits: FileLimits;
  /** Whether the workflow has several file inputs: then messages name the input. */
  readonly isOneOfSeveral: boolean;
  /** Whether the result gets the transparency of the image. */
  readonly takesTransparency: boolean;
  readonly sender: Sender;
  /** Throws if the size of an image is not acceptable, before anything else is inspected. */
  checkSize(size: Size): void;
}

/** First bytes of a stored file that determine its type, unless it is an image. */
const HEAD_BYTES = 64 * 1024;

/** The type of a file, detected from its bytes, and the bytes to continue with. */
export interface InspectedFile {
  readonly content: Content;
  readonly mimeType: string;
  /** Of images and masks. */
  readonly image?: InspectedImage;
}

/** Prefix of the media type for each kind. */
const TYPES: Readonly<Record<FileKind, string>> = {
  image: 'image/',
  mask: 'image/',
  video: 'video/',
  audio: 'audio/',
  file: '',
};

/** Whether an input takes an image. */
export function isPicture({ kind }: FileInput): boolean {
  return kind === 'image' || kind === 'mask';
}

/**
 * Detects the type of a file from its bytes, never from its name; for stored files other than images from the first
 * ones.
 * @throws AppError `UNSUPPORTED_IMAGE_TYPE`, `IMAGE_TOO_LARGE`, `INVALID_IMAGE` or `UNSUPPORTED_FILE_TYPE`
 */
export async function inspectFile(
  input: FileInput,
  content: Content,
  { limits, isOneOfSeveral, takesTransparency, sender, checkSize }: InspectionOptions,
): Promise<InspectedFile> {
  const { name, kind } = input;
  if (isPicture(input)) {
    const { imageTypes: allowedTypes, maxPixels } = limits;
    const called = isOneOfSeveral ? name : undefined;
    const imageLimits = { allowedTypes, maxPixels, checkSize, takesTransparency, name: called, sender };
    const { image, bytes: sound } = await inspectImage(await wholeOf(content), imageLimits);
    return { content: sound, mimeType: image.mimeType, image };
  }
  const sample = Buffer.isBuffer(content) ? content : await headOf(content, HEAD_BYTES);
  const mimeType = (await fileTypeFromBuffer(sample))?.mime;
  if (mimeType?.startsWith(TYPES[kind])) return { content, mimeType };
  if (kind === 'file') return { content, mimeType: 'application/octet-stream' };
  throw new AppError(
    'UNSUPPORTED_FILE_TYPE',
    `The input "${name}" must be ${kind}, but the file has ${mimeType ? `the type ${mimeType}` : 'an unknown type'}.`,
    { details: `The server detects the type from the bytes of the file; it must be ${TYPES[kind]}*.` },
  );
}
