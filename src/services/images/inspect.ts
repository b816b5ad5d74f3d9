import { fileTypeFromBuffer } from 'file-type';
import sharp from 'sharp';
import { AppError } from '../../errors.js';
import { type ImageStructure, type ImageType, readStructure } from './structure.js';

export interface InspectionLimits {
  /** MIME types that are taken. */
  readonly allowedTypes: readonly ImageType[];
  /** Width x height. */
  readonly maxPixels: number;
}

/** What an upload really is. */
export interface InspectedImage {
  readonly mimeType: ImageType;
  /** Pixels as a viewer shows them: upright. */
  readonly width: number;
  readonly height: number;
  readonly hasAlpha: boolean;
  /** EXIF orientation 2..8: the pixels must be turned before a program that ignores EXIF sees them. */
  readonly needsTurning: boolean;
}

/**
 * Finds out what an upload is: by its bytes, never by its name, and without decoding it.
 * @throws AppError `UNSUPPORTED_IMAGE_TYPE`, `IMAGE_TOO_LARGE` or `INVALID_IMAGE`
 */
export async function inspectImage(bytes: Buffer, limits: InspectionLimits): Promise<InspectedImage> {
  const mimeType = await detectType(bytes, limits.allowedTypes);
  const structure = readStructure(bytes, mimeType);
  if (!structure || structure.width === 0 || structure.height === 0)
    throw invalid('it has no readable header');
  checkPixels(structure, limits.maxPixels);
  if (structure.problem) throw invalid(structure.problem);
  const orientation = structure.hasExif ? await readOrientation(bytes) : 1;
  const isOnItsSide = orientation >= 5;
  return {
    mimeType,
    width: isOnItsSide ? structure.height : structure.width,
    height: isOnItsSide ? structure.width : structure.height,
    hasAlpha: structure.hasAlpha,
    needsTurning: orientation > 1,
  };
}

async function detectType(bytes: Buffer, allowed: readonly ImageType[]): Promise<ImageType> {
  const found = (await fileTypeFromBuffer(bytes))?.mime;
  const type = allowed.find((candidate) => candidate === found);
  if (type) return type;
  throw new AppError(
    'UNSUPPORTED_IMAGE_TYPE',
    `Unsupported image type: the file is ${found ?? 'not a known image'}.`,
    {
      details: `Takes ${allowed.join(', ')}, decided by the file's bytes.`,
    },
  );
}

function checkPixels({ width, height }: ImageStructure, maxPixels: number): void {
  if (width * height <= maxPixels) return;
  throw new AppError(
    'IMAGE_TOO_LARGE',
    `The image is ${width} x ${height} pixels; at most ${maxPixels} pixels are taken.`,
  );
}

/** EXIF orientation 1..8; sharp reads the header only. */
async function readOrientation(bytes: Buffer): Promise<number> {
  try {
    return (await sharp(bytes, { limitInputPixels: false }).metadata()).orientation ?? 1;
  } catch {
    throw invalid('its header cannot be read');
  }
}

function invalid(reason: string): AppError {
  return new AppError('INVALID_IMAGE', `The image is broken or cut off: ${reason}.`);
}
