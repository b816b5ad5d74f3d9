import type { Sharp } from 'sharp';
import { messageOf, PromptError } from '../../errors.js';
import { openImage } from '../../utils/openImage.js';
import type { OutputFormat } from '../../workflows/parameters.js';
import { sizeOfWholePng } from './png.js';
import { stripPngMetadata } from './pngMetadata.js';

export interface FinishOptions {
  readonly format: OutputFormat;
  /** Cut the image down to what is not transparent. */
  readonly cropToSubject: boolean;
  /** What was given to ComfyUI's loader, which drops the transparency that the result takes over; never turned. */
  readonly transparencyOf: Transparency | undefined;
  /** Width x height that a result may have. */
  readonly maxPixels: number;
}

interface Transparency {
  readonly bytes: Buffer;
  /** As it was inspected; nothing larger is decoded. */
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

/** Alpha up to which a pixel does not count as the subject when an image is cropped (0..255). */
const CROP_ALPHA_THRESHOLD = 10;

/**
 * Turns the PNG that ComfyUI returned into what was asked for. Of a PNG that needs nothing the pixels are handed on as
 * they are packed; its metadata, in which ComfyUI puts the whole prompt, never are.
 * @throws PromptError `result_missing` when it is no image, or one that is larger than results may be
 */
export function finishImage(png: Buffer, options: FinishOptions): Promise<FinishedImage> {
  return asResult(options.maxPixels, () => finish(png, options));
}

/**
 * Works on an image that ComfyUI returned.
 * @throws PromptError `result too large`, or `unreadable result` where the decoder says that it is no image
 */
export async function asResult<T>(maxPixels: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PromptError) throw error;
    if (messageOf(error).includes('exceeds pixel limit')) throw tooManyPixels(maxPixels);
    throw new PromptError(
      'unreadable result',
      'ComfyUI returned something that cannot be read as an image.',
      { cause: error },
    );
  }
}

/** The error about an image that is larger than results may be. */
export function tooManyPixels(maxPixels: number): PromptError {
  return new PromptError(
    'result too large',
    `ComfyUI returned an image of more than ${maxPixels} pixels (MAX_OUTPUT_PIXELS).`,
  );
}

async function finish(png: Buffer, options: FinishOptions): Promise<FinishedImage> {
  const { format, cropToSubject, transparencyOf, maxPixels } = options;
  const mimeType = MIME_TYPES[format];
  // Looking at a whole PNG's own structure takes a hundredth of what sharp needs to open it.
  const whole = sizeOfWholePng(png);
  if (whole && whole.width * whole.height > maxPixels) throw tooManyPixels(maxPixels);
  if (whole && format === 'PNG' && !cropToSubject && !transparencyOf) {
    return { bytes: stripPngMetadata(png), mimeType, format, ...whole };
  }
  const header = await openImage(png, maxPixels).metadata();
  let image = openImage(png, maxPixels);
  let crop: Crop | undefined;
  if (transparencyOf) image = await withTransparencyOf(image, transparencyOf, header, maxPixels);
  if (cropToSubject && (header.hasAlpha || transparencyOf)) {
    // Crop works on pixels as they are by now, and sharp would apply it before the transparency is joined.
    const joined = transparencyOf ? await image.png({ compressionLevel: 1 }).toBuffer() : png;
    ({ image, crop } = await croppedToSubject(joined, maxPixels));
  }
  const { data, info } = await encode(image, format).toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  return { bytes: data, mimeType, format, width, height, ...(crop ? { crop } : {}) };
}

/** `dest-in` multiplies alpha by alpha: what was transparent in the upload, or is in the result, stays so. */
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

async function croppedToSubject(png: Buffer, maxPixels: number): Promise<{ image: Sharp; crop: Crop }> {
  const original = await openImage(png, maxPixels).metadata();
  const alpha = await openImage(png, maxPixels)
    .ensureAlpha()
    .extractChannel('alpha')
    .png({ compressionLevel: 1 })
    .toBuffer();
  const { info } = await openImage(alpha, maxPixels)
    .trim({ background: '#000000', threshold: CROP_ALPHA_THRESHOLD })
    .toBuffer({ resolveWithObject: true });
  const left = -(info.trimOffsetLeft ?? 0);
  const top = -(info.trimOffsetTop ?? 0);
  return {
    image: openImage(png, maxPixels).extract({ left, top, width: info.width, height: info.height }),
    crop: { left, top, originalWidth: original.width, originalHeight: original.height },
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

/** File extension of an output format. */
export function extensionOf(format: OutputFormat): string {
  return format === 'JPEG' ? 'jpg' : format.toLowerCase();
}
