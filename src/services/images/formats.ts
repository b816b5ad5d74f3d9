import type { OutputFormat } from '../../workflows/parameters.js';

/** Image types that this server decodes. An SVG is a program that draws. */
const DECODED: ReadonlySet<string> = new Set(
  ['png', 'apng', 'jpeg', 'webp', 'gif', 'avif', 'tiff'].map((type) => `image/${type}`),
);

/** Whether this server can decode files of a MIME type. */
export function isDecodable(mimeType: string): boolean {
  return DECODED.has(mimeType);
}

/** The longest side of an image in each format, in pixels: limits of the formats and of their encoders. */
const MAX_SIDE: Readonly<Record<OutputFormat, number>> = { PNG: 2 ** 31 - 1, JPEG: 65_500, WEBP: 16_383 };

/** Returns why a format cannot hold an image of this size, as the end of a sentence; undefined if it can. */
export function problemOfSize(
  { width, height }: { width: number; height: number },
  format: OutputFormat,
): string | undefined {
  const most = MAX_SIDE[format];
  if (Math.max(width, height) <= most) return undefined;
  return `${width} x ${height} pixels; a ${format} has at most ${most} pixels on a side`;
}
