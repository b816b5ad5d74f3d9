import type { Sharp } from 'sharp';
import { messageOf, PromptError } from '../../errors.js';
import { openImage } from '../../utils/openImage.js';
import type { OutputFormat } from '../../workflows/parameters.js';
import { asSeen } from './asSeen.js';
import { decodeCompletely } from './decode.js';
import { problemOfSize } from './formats.js';
import { orientationOf, uprightSize } from './orientation.js';
import { sizeOfWholePng } from './png.js';
import { stripPngMetadata } from './pngMetadata.js';

export interface FinishOptions {
  readonly format: OutputFormat;
  /** Crop the image to its non-transparent part. */
  readonly cropToSubject: boolean;
  /** The input of ComfyUI's loader, which drops the transparency that the result takes over; never rotated. */
  readonly transparencyOf: Transparency | undefined;
  /** Maximum width x height of a result. */
  readonly maxPixels: number;
}

interface Transparency {
  readonly bytes: Buffer;
  /** As inspected; nothing larger is decoded. */
  readonly image: { readonly width: number; readonly height: number };
}

/** Where a cropped image lay in the whole one, in pixels from its top left corner, and how large that was. */
export interface Crop {
  readonly left: number;
  readonly top: number;
  readonly originalWidth: number;
  readonly originalHeight: number;
}

export interface FinishedImage {
  readonly bytes: Buffer;
  readonly mimeType: 'image/png' | 'image/jpeg' | 'image/webp';
  readonly format: OutputFormat;
  readonly width: number;
  readonly height: number;
  /** Of an image that was cropped. */
  readonly crop?: Crop;
}

const MIME_TYPES = { PNG: 'image/png', JPEG: 'image/jpeg', WEBP: 'image/webp' } as const;

/** Maximum alpha of pixels that do not belong to the subject when an image is cropped (0..255). */
const CROP_ALPHA_THRESHOLD = 10;
/** sharp does not look for the subject in an image of less than 3 x 3 pixels. */
const CROP_MARGIN = 2;

/**
 * Converts the PNG from ComfyUI to the requested result. If it needs no change, its compressed pixels are passed on;
 * its metadata, in which ComfyUI stores the whole prompt, never are.
 * @throws PromptError `unreadable result` if it is not an image, `result too large`, or `result not finished` if it is
 * an image and the conversion failed
 */
export async function finishImage(png: Buffer, options: FinishOptions): Promise<FinishedImage> {
  try {
    return await finish(png, options);
  } catch (error) {
    if (error instanceof PromptError) throw error;
    // sharp decodes and encodes in one step, so its error does not tell which of the two failed.
    await asResult(options.maxPixels, () => decodeCompletely(png, options.maxPixels));
    throw new PromptError('result not finished', `The result could not be converted to ${options.format}.`, {
      cause: error,
    });
  }
}

/**
 * Reads an image from ComfyUI, and does nothing else: any error counts as a fault of the image.
 * @throws PromptError `result too large`, or `unreadable result` if the decoder rejects it
 */
export async function asResult<T>(maxPixels: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PromptError) throw error;
    if (messageOf(error).includes('exceeds pixel limit')) throw tooManyPixels(maxPixels);
    throw new PromptError('unreadable result', 'ComfyUI returned something that is not a readable image.', {
      cause: error,
    });
  }
}

/** Returns the error for an image that is too large. */
export function tooManyPixels(maxPixels: number): PromptError {
  return new PromptError(
    'result too large',
    `ComfyUI returned an image of more than ${maxPixels} pixels (MAX_OUTPUT_PIXELS).`,
  );
}

async function finish(original: Buffer, options: FinishOptions): Promise<FinishedImage> {
  const { format, cropToSubject, transparencyOf, maxPixels } = options;
  const mimeType = MIME_TYPES[format];
  // Checking the structure of an intact PNG takes a hundredth of the time that sharp needs to open it.
  const whole = sizeOfWholePng(original);
  if (whole && whole.width * whole.height > maxPixels) throw tooManyPixels(maxPixels);
  if (whole && format === 'PNG' && !cropToSubject && !transparencyOf) {
    const orientation = orientationOf(original);
    return {
      bytes: stripPngMetadata(original, orientation),
      mimeType,
      format,
      ...uprightSize(whole, orientation),
    };
  }
  const png = await asSeen(original, maxPixels);
  const header = await asResult(maxPixels, () => openImage(png, maxPixels).metadata());
  let size: { width: number; height: number } = header;
  let image = openImage(png, maxPixels);
  let crop: Crop | undefined;
  if (transparencyOf) image = await withTransparencyOf(image, transparencyOf, header, maxPixels);
  if (cropToSubject && (header.hasAlpha || transparencyOf)) {
    // The crop must see the current pixels, and sharp would apply it before the transparency is joined.
    const joined = transparencyOf ? await image.png({ compressionLevel: 1 }).toBuffer() : png;
    ({ image, crop, size } = await croppedToSubject(joined, header, maxPixels));
  }
  const problem = problemOfSize(size, format);
  if (problem !== undefined) throw new PromptError('result too large', `The result is ${problem}.`);
  const { data, info } = await encode(image, format).toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  return { bytes: data, mimeType, format, width, height, ...(crop ? { crop } : {}) };
}

/** `dest-in` multiplies alpha by alpha: pixels that are transparent in the upload or in the result stay transparent. */
async function withTransparencyOf(
  image: Sharp,
  original: Transparency,
  size: { width: number; height: number },
  maxPixels: number,
): Promise<Sharp> {
  const mask = await openImage(original.bytes, original.image.width * original.image.height)
    .resize(size.width, size.height, { fit: 'fill', kernel: 'lanczos3' })
    .png({ compressionLevel: 1 })
    .toBuffer();
  return image.ensureAlpha().composite([{ input: mask, blend: 'dest-in', limitInputPixels: maxPixels }]);
}

async function croppedToSubject(
  png: Buffer,
  { width: originalWidth, height: originalHeight }: { width: number; height: number },
  maxPixels: number,
): Promise<{ image: Sharp; crop: Crop; size: { width: number; height: number } }> {
  const alpha = await openImage(png, maxPixels)
    .ensureAlpha()
    .extend({ right: CROP_MARGIN, bottom: CROP_MARGIN, background: { r: 0, g: 0, b: 0, alpha: 0 } })
    .extractChannel('alpha')
    .png({ compressionLevel: 1 })
    .toBuffer();
  const { info } = await openImage(alpha, (originalWidth + CROP_MARGIN) * (originalHeight + CROP_MARGIN))
    // Without `lineArt`, libvips first removes lines of one pixel with a median filter.
    .trim({ background: '#000000', threshold: CROP_ALPHA_THRESHOLD, lineArt: true })
    .toBuffer({ resolveWithObject: true });
  const [left, top] = [Math.abs(info.trimOffsetLeft ?? 0), Math.abs(info.trimOffsetTop ?? 0)];
  // Without a subject, nothing is trimmed, not even the margin.
  const width = Math.min(info.width, originalWidth);
  const height = Math.min(info.height, originalHeight);
  return {
    image: openImage(png, maxPixels).extract({ left, top, width, height }),
    crop: { left, top, originalWidth, originalHeight },
    size: { width, height },
  };
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

/** Returns the file extension of an output format. */
export function extensionOf(format: OutputFormat): string {
  return format === 'JPEG' ? 'jpg' : format.toLowerCase();
}
