import sharp, { type Sharp } from 'sharp';
import { PromptError } from '../../errors.js';
import type { OutputFormat } from '../../workflows/parameters.js';
import { type ImageStructure, PNG_SIGNATURE, readStructure } from './structure.js';

export interface FinishOptions {
  readonly format: OutputFormat;
  /** Cut the image down to what is not transparent. */
  readonly cropToSubject: boolean;
  /** Upright upload whose transparency the result takes over: ComfyUI's loader drops it. */
  readonly transparencyOf: Buffer | undefined;
  /** Width x height that is decoded at most. */
  readonly maxPixels: number;
}

export interface FinishedImage {
  readonly bytes: Buffer;
  readonly mimeType: 'image/png' | 'image/jpeg' | 'image/webp';
  readonly format: OutputFormat;
  readonly width: number;
  readonly height: number;
}

const MIME_TYPES = { PNG: 'image/png', JPEG: 'image/jpeg', WEBP: 'image/webp' } as const;

/** Alpha up to which a pixel does not count as the subject when an image is cropped (0..255). */
const CROP_ALPHA_THRESHOLD = 10;

/**
 * Turns the PNG that ComfyUI returned into what was asked for. A PNG that needs nothing is handed on byte for byte.
 * @throws PromptError `result_missing` when it is no image
 */
export async function finishImage(png: Buffer, options: FinishOptions): Promise<FinishedImage> {
  try {
    return await finish(png, options);
  } catch (error) {
    throw new PromptError(
      'unreadable result',
      'ComfyUI returned something that cannot be read as an image.',
      { cause: error },
    );
  }
}

async function finish(png: Buffer, options: FinishOptions): Promise<FinishedImage> {
  const { format, cropToSubject, transparencyOf } = options;
  const mimeType = MIME_TYPES[format];
  // Looking at a whole PNG's own structure takes a hundredth of what sharp needs to open it.
  const asItIs = format === 'PNG' && !cropToSubject && !transparencyOf ? wholePng(png) : undefined;
  if (asItIs) return { bytes: png, mimeType, format, width: asItIs.width, height: asItIs.height };
  const input = { limitInputPixels: options.maxPixels };
  const header = await sharp(png, input).metadata();
  let image = sharp(png, input);
  if (transparencyOf) image = await withTransparencyOf(image, transparencyOf, header);
  if (cropToSubject && (header.hasAlpha || transparencyOf)) {
    // Crop works on pixels as they are by now, and sharp would apply it before the transparency is joined.
    const joined = transparencyOf ? await image.png({ compressionLevel: 1 }).toBuffer() : png;
    image = await croppedToSubject(joined, input);
  }
  const { data, info } = await encode(image, format).toBuffer({ resolveWithObject: true });
  return { bytes: data, mimeType, format, width: info.width, height: info.height };
}

/** The structure of a PNG that runs to its end; undefined for anything else. */
function wholePng(bytes: Buffer): ImageStructure | undefined {
  if (!bytes.subarray(0, PNG_SIGNATURE.length).equals(PNG_SIGNATURE)) return undefined;
  const structure = readStructure(bytes, 'image/png');
  return structure?.problem === undefined ? structure : undefined;
}

/** `dest-in` multiplies alpha by alpha: what was transparent in the upload, or is in the result, stays so. */
async function withTransparencyOf(
  image: Sharp,
  original: Buffer,
  size: { width: number; height: number },
): Promise<Sharp> {
  const mask = await sharp(original, { limitInputPixels: false })
    .autoOrient()
    .resize(size.width, size.height, { fit: 'fill', kernel: 'lanczos3' })
    .png({ compressionLevel: 1 })
    .toBuffer();
  return image.ensureAlpha().composite([{ input: mask, blend: 'dest-in', limitInputPixels: false }]);
}

async function croppedToSubject(png: Buffer, input: { limitInputPixels: number }): Promise<Sharp> {
  const alpha = await sharp(png, input)
    .ensureAlpha()
    .extractChannel('alpha')
    .png({ compressionLevel: 1 })
    .toBuffer();
  const { info } = await sharp(alpha, input)
    .trim({ background: '#000000', threshold: CROP_ALPHA_THRESHOLD })
    .toBuffer({ resolveWithObject: true });
  return sharp(png, input).extract({
    left: -(info.trimOffsetLeft ?? 0),
    top: -(info.trimOffsetTop ?? 0),
    width: info.width,
    height: info.height,
  });
}

function encode(image: Sharp, format: OutputFormat): Sharp {
  switch (format) {
    case 'PNG':
      return image.png({ compressionLevel: 6 });
    case 'JPEG':
      return image.flatten({ background: '#ffffff' }).jpeg({ quality: 90 });
    case 'WEBP':
      return image.webp({ quality: 90 });
  }
}

/** File extension of an output format. */
export function extensionOf(format: OutputFormat): string {
  return format === 'JPEG' ? 'jpg' : format.toLowerCase();
}
