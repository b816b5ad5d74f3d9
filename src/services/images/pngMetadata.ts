import zlib from 'node:zlib';
import { exifOfOrientation } from './exif.js';
import { makeChunk, pngChunks, SIGNATURE } from './pngChunks.js';

/** Chunks with pixels and their meaning; all others are metadata. */
const KEPT = new Set([
  ...['IHDR', 'PLTE', 'IDAT', 'IEND', 'tRNS'],
  ...['gAMA', 'cHRM', 'sRGB', 'iCCP', 'cICP', 'mDCV', 'cLLI', 'sBIT', 'bKGD', 'pHYs'],
]);

/** Share of a buffer that may stay unused if the kept parts are moved together within it. */
const MAX_WASTE = 1 / 16;

/** From the first byte to the one after the last. */
interface Range {
  readonly from: number;
  to: number;
}

/**
 * Returns a PNG without its texts, EXIF data, times, further frames and private chunks, and without anything after its
 * end. Nothing is decoded: the kept parts stay unchanged.
 * @param png is consumed: if little is removed, the kept parts are moved together within it
 * @param orientation is kept
 * @returns the same buffer if there is nothing to remove
 */
export function stripPngMetadata(png: Buffer, orientation: number): Buffer {
  return withOrientation(withoutMetadata(png), orientation);
}

function withoutMetadata(png: Buffer): Buffer {
  const ranges: Range[] = [{ from: 0, to: SIGNATURE.length }];
  let at = SIGNATURE.length;
  for (const { name, whole } of pngChunks(png)) {
    const last = ranges.at(-1);
    const to = at + whole.length;
    if (KEPT.has(name)) {
      if (last?.to === at) last.to = to;
      else ranges.push({ from: at, to });
    }
    at = to;
  }
  const [first] = ranges;
  if (ranges.length === 1 && first?.to === png.length) return png;
  const kept = ranges.reduce((sum, range) => sum + lengthOf(range), 0);
  // Fresh memory costs more than the copy: the system clears it page by page.
  if (png.length - kept <= png.length * MAX_WASTE) return movedTogether(png, ranges);
  return Buffer.concat(ranges.map(({ from, to }) => png.subarray(from, to)));
}

/** @param png without EXIF data */
export function withOrientation(png: Buffer, orientation: number): Buffer {
  if (orientation === 1) return png;
  const [header, ...others] = [...pngChunks(png)].map(({ whole }) => whole);
  const exif = makeChunk('eXIf', exifOfOrientation(orientation));
  return Buffer.concat([SIGNATURE, ...(header ? [header] : []), exif, ...others]);
}

const lengthOf = ({ from, to }: Range) => to - from;

/** Moves all other ranges next to the longest one, which stays in place. */
function movedTogether(bytes: Buffer, ranges: readonly Range[]): Buffer {
  const longest = ranges.reduce((one, other) => (lengthOf(other) > lengthOf(one) ? other : one));
  const index = ranges.indexOf(longest);
  let { from: start, to: end } = longest;
  for (const { from, to } of ranges.slice(0, index).reverse()) {
    start -= to - from;
    bytes.copyWithin(start, from, to);
  }
  for (const { from, to } of ranges.slice(index + 1)) {
    bytes.copyWithin(end, from, to);
    end += to - from;
  }
  return bytes.subarray(start, end);
}

const DEFAULT_MAX_BYTES = 1024 * 1024;

/**
 * Returns the text of a PNG under a keyword, such as ComfyUI's `prompt`: the first one, compressed or not.
 * @param maxBytes of the text; a longer one counts as absent
 * @returns undefined without a readable text
 */
export function readPngText(png: Buffer, keyword: string, maxBytes = DEFAULT_MAX_BYTES): string | undefined {
  if (!png.subarray(0, SIGNATURE.length).equals(SIGNATURE)) return undefined;
  const prefix = Buffer.from(`${keyword}\0`, 'latin1');
  for (const { name, data, isCut } of pngChunks(png)) {
    if (isCut || !data.subarray(0, prefix.length).equals(prefix)) continue;
    const value = data.subarray(prefix.length);
    // An animation of ComfyUI has its texts in chunks of its own type.
    if (name === 'tEXt' || name === 'comf') return bounded(value, maxBytes)?.toString('latin1');
    // One byte is the compression method; there is only one.
    if (name === 'zTXt') return unpacked(value.subarray(1), maxBytes)?.toString('latin1');
    if (name === 'iTXt') return internationalText(value, maxBytes)?.toString('utf8');
  }
  return undefined;
}

/**
 * After the keyword: whether it is compressed, how, and the language and the translated keyword, each ending with a
 * zero.
 */
function internationalText(value: Buffer, maxBytes: number): Buffer | undefined {
  const translated = value.indexOf(0, 2) + 1;
  const text = translated > 0 ? value.indexOf(0, translated) + 1 : 0;
  if (text === 0) return undefined;
  const data = value.subarray(text);
  return value[0] === 1 ? unpacked(data, maxBytes) : bounded(data, maxBytes);
}

function bounded(text: Buffer, maxBytes: number): Buffer | undefined {
  return text.length <= maxBytes ? text : undefined;
}

function unpacked(data: Buffer, maxBytes: number): Buffer | undefined {
  try {
    return zlib.inflateSync(data, { maxOutputLength: maxBytes });
  } catch {
    return undefined;
  }
}
