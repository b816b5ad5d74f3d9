import { fileTypeFromBuffer } from 'file-type';
import { AppError } from '../../errors.js';
import type { Sender } from '../../utils/ClientTurns.js';
import { readStructure, typeOf } from './readStructure.js';
import { canBeDecoded, repairImage } from './repair.js';
import type { ImageStructure, ImageType, InspectedImage } from './structure.js';

interface InspectionLimits {
  /** Accepted MIME types. */
  readonly allowedTypes: readonly ImageType[];
  /** Width x height. */
  readonly maxPixels: number;
  /** Throws if the size is not acceptable because of the result: before anything else is inspected. */
  readonly checkSize?: (size: { width: number; height: number }) => void;
  /** Whether the result gets the transparency of the image, so that this server must be able to decode it. */
  readonly takesTransparency?: boolean;
  /** The client's name for the file, for messages, if it sends several. */
  readonly name?: string | undefined;
  /** Who sent the file: repairs are shared by client. */
  readonly sender?: Sender;
}

/** The sender of files that no client sends. */
const NOBODY: Sender = { client: '' };

/**
 * Detects the type and properties of an upload from its bytes, never from its name, and without decoding it unless the
 * file is damaged or its transparency is needed.
 * @returns its properties, and the bytes to continue with: a damaged file is rewritten
 * @throws AppError `UNSUPPORTED_IMAGE_TYPE`, `IMAGE_TOO_LARGE` or `INVALID_IMAGE`
 */
export async function inspectImage(
  bytes: Buffer,
  limits: InspectionLimits,
): Promise<{ image: InspectedImage; bytes: Buffer }> {
  const mimeType = await detectType(bytes, limits);
  const structure = readStructure(bytes, mimeType);
  const invalid = (reason: string, cause?: unknown) => {
    return new AppError('INVALID_IMAGE', `The image${ofInput(limits)} is damaged or truncated: ${reason}.`, {
      cause,
    });
  };
  if (!structure || structure.width === 0 || structure.height === 0)
    throw invalid('it has no readable header');
  if (structure.contradiction !== undefined) throw invalid(structure.contradiction);
  checkPixels(structure, limits);
  const image = describe(structure, mimeType);
  limits.checkSize?.(image);
  if (structure.problem !== undefined) throw invalid(structure.problem);
  const { sender = NOBODY } = limits;
  const damage = structure.damage ?? (await hiddenDamage(bytes, image, limits, sender));
  if (damage === undefined) return { image, bytes };
  const repaired = await repairImage(bytes, image, sender).catch((error: unknown) => {
    sender.signal?.throwIfAborted();
    throw invalid(damage, error);
  });
  return {
    image: {
      ...image,
      mimeType: image.isLossy ? 'image/jpeg' : 'image/png',
      orientation: 1,
      content: 'plain',
    },
    bytes: repaired,
  };
}

/** ComfyUI's loader accepts some files that our decoder rejects. An odd image is converted before its job runs anyway. */
async function hiddenDamage(
  bytes: Buffer,
  image: InspectedImage,
  { takesTransparency }: InspectionLimits,
  sender: Sender,
): Promise<string | undefined> {
  if (!takesTransparency || !image.hasAlpha || image.content === 'odd') return undefined;
  return (await canBeDecoded(bytes, image, sender)) ? undefined : 'not all of its pixels can be decoded';
}

function describe(structure: ImageStructure, mimeType: ImageType): InspectedImage {
  const { width, height, hasAlpha, orientation, isLossy, oddity, hasMorePictures } = structure;
  const isOnItsSide = orientation >= 5;
  return {
    mimeType,
    width: isOnItsSide ? height : width,
    height: isOnItsSide ? width : height,
    hasAlpha,
    orientation,
    content: oddity === undefined ? (hasMorePictures ? 'several' : 'plain') : 'odd',
    isLossy,
  };
}

async function detectType(bytes: Buffer, limits: InspectionLimits): Promise<ImageType> {
  const { allowedTypes: allowed } = limits;
  const type = typeOf(bytes);
  if (type && allowed.includes(type)) return type;
  const found = type ?? (await fileTypeFromBuffer(bytes))?.mime;
  throw new AppError(
    'UNSUPPORTED_IMAGE_TYPE',
    `Unsupported image type: the file${ofInput(limits)} is ${found ?? 'not a known image'}.`,
    {
      details: `Supported are ${allowed.join(', ')}, as detected from the file's bytes.`,
    },
  );
}

function checkPixels({ width, height }: ImageStructure, limits: InspectionLimits): void {
  const { maxPixels } = limits;
  if (width * height <= maxPixels) return;
  throw new AppError(
    'IMAGE_TOO_LARGE',
    `The image${ofInput(limits)} is ${width} x ${height} pixels; the maximum is ${maxPixels} pixels.`,
  );
}

function ofInput({ name }: InspectionLimits): string {
  return name === undefined ? '' : ` for "${name}"`;
}
