import {
  exifOfOrientation,
  hasExifPrefix,
  type Orientation,
  readOrientation,
  UPRIGHT,
  withoutExifPrefix,
  xmpDisagrees,
} from './exif.js';
import { isSrgbProfile } from './icc.js';
import type { ImageStructure } from './structure.js';

const RIFF_HEADER_LENGTH = 12;
const CHUNK_HEADER_LENGTH = 8;
const FLAG = { animation: 0x02, xmp: 0x04, exif: 0x08, alpha: 0x10, profile: 0x20 } as const;
/** Chunks that the decoder needs besides the pixels. */
const DESCRIPTIONS = ['ICCP', 'ALPH'];
const PIXELS = ['VP8 ', 'VP8L'];

interface Chunk {
  readonly name: string;
  readonly data: Buffer;
  readonly isCut: boolean;
}

interface Frame {
  readonly width: number;
  readonly height: number;
  readonly hasAlpha: boolean;
}

export function isWebp(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP';
}

/** Reads the structure of a WebP (RFC 9649); undefined if it has no size. */
export function readWebp(bytes: Buffer): ImageStructure | undefined {
  if (bytes.length < RIFF_HEADER_LENGTH + CHUNK_HEADER_LENGTH) return undefined;
  const all = [...chunks(bytes)];
  const find = (name: string) => all.find((chunk) => chunk.name === name)?.data;
  const canvas = all[0]?.name === 'VP8X' ? canvasOf(all[0].data) : undefined;
  const pixels = all.filter(({ name }) => PIXELS.includes(name));
  const frame = pixels[0] && frameOf(pixels[0]);
  const size = canvas ?? frame;
  if (!size) return undefined;
  const { orientation, oddity } = readMetadata(find('EXIF'), find('XMP '), canvas?.flags ?? 0);
  const profile = find('ICCP');
  const isAnimated = all.some(({ name }) => name === 'ANMF' || name === 'ANIM');
  const hasAlpha = canvas ? canvas.hasAlpha || (!isAnimated && frame?.hasAlpha === true) : size.hasAlpha;
  return {
    width: size.width,
    height: size.height,
    hasAlpha,
    orientation: orientation.orientation,
    isLossy: pixels[0]?.name === 'VP8 ' && !hasAlpha,
    contradiction: contradictionOf(all, canvas, frame),
    problem: problemOf(all, frame),
    damage: damageOf(bytes, all),
    oddity:
      (isAnimated ? 'it is animated' : undefined) ??
      (profile && !isSrgbProfile(profile) ? 'its colours are not sRGB' : undefined) ??
      oddity,
    hasMorePictures: false,
  };
}

/** Returns the same image with only what decoding needs, and the right lengths. An animation stays unchanged. */
export function rebuildWebp(bytes: Buffer): Buffer {
  const all = [...chunks(bytes)];
  const pixels = all.find(({ name }) => PIXELS.includes(name));
  const head = all[0]?.name === 'VP8X' ? Buffer.from(all[0].data) : undefined;
  if (!pixels || all.some(({ name }) => name === 'ANMF')) return bytes;
  if (!head) return riff([pixels]);
  head[0] = (head[0] ?? 0) & (FLAG.alpha | FLAG.profile);
  const kept = all.filter(({ name, isCut }) => DESCRIPTIONS.includes(name) && !isCut);
  return riff([{ name: 'VP8X', data: head }, ...kept, pixels]);
}

/** Chunks with pixels and their meaning; all others are metadata. */
const KEPT = new Set(['VP8X', 'ANIM', 'ANMF', ...DESCRIPTIONS, ...PIXELS]);

/**
 * Returns the same image, animated or not, without its metadata and without anything after its end; the same buffer if
 * there is nothing to remove.
 * @param orientation is kept
 */
export function stripWebpMetadata(bytes: Buffer, orientation: number): Buffer {
  const all = [...chunks(bytes)];
  const kept = all.filter(({ name }) => KEPT.has(name));
  // An animation of so many frames is no result that anybody expects, and must not lose the last ones.
  if (all.length === MAX_CHUNKS) return bytes;
  if (kept.length === all.length && bytes.length <= 8 + bytes.readUInt32LE(4)) return bytes;
  const parts = kept.map(({ name, data }) => {
    if (name !== 'VP8X' || data.length === 0) return { name, data };
    const head = Buffer.from(data);
    const flags = data.readUInt8(0) & ~(FLAG.exif | FLAG.xmp);
    head.writeUInt8(orientation > 1 ? flags | FLAG.exif : flags, 0);
    return { name, data: head };
  });
  return riff(orientation > 1 ? [...parts, { name: 'EXIF', data: exifOfOrientation(orientation) }] : parts);
}

function riff(parts: ReadonlyArray<Pick<Chunk, 'name' | 'data'>>): Buffer {
  const body = Buffer.concat(
    parts.flatMap(({ name, data }) => {
      const header = Buffer.from(`${name}\0\0\0\0`, 'latin1');
      header.writeUInt32LE(data.length, 4);
      return [header, data, Buffer.alloc(data.length % 2)];
    }),
  );
  const header = Buffer.from('RIFF\0\0\0\0WEBP', 'latin1');
  header.writeUInt32LE(4 + body.length, 4);
  return Buffer.concat([header, body]);
}

const MAX_CHUNKS = 10_000;

/** Yields the chunks within the declared length, and not beyond the end of the file. */
function* chunks(bytes: Buffer): Generator<Chunk> {
  const end = Math.min(bytes.length, 8 + bytes.readUInt32LE(4));
  let count = 0;
  for (let at = RIFF_HEADER_LENGTH; at + CHUNK_HEADER_LENGTH <= end && count < MAX_CHUNKS; count += 1) {
    const length = bytes.readUInt32LE(at + 4);
    const dataEnd = at + CHUNK_HEADER_LENGTH + length;
    yield {
      name: bytes.toString('latin1', at, at + 4),
      data: bytes.subarray(at + CHUNK_HEADER_LENGTH, Math.min(dataEnd, end)),
      isCut: dataEnd > end,
    };
    at = dataEnd + (length % 2);
  }
}

function canvasOf(data: Buffer): (Frame & { flags: number }) | undefined {
  if (data.length < 10) return undefined;
  const flags = data.readUInt8(0);
  return {
    width: 1 + data.readUIntLE(4, 3),
    height: 1 + data.readUIntLE(7, 3),
    hasAlpha: (flags & FLAG.alpha) !== 0,
    flags,
  };
}

function frameOf({ name, data }: Chunk): Frame | undefined {
  if (data.length < 10) return undefined;
  if (name === 'VP8L') {
    const bits = data.readUInt32LE(1);
    // One byte marks it, and the three highest bits are a version, which is 0.
    if (data[0] !== 0x2f || bits >>> 29 !== 0) return undefined;
    return {
      width: 1 + (bits & 0x3fff),
      height: 1 + ((bits >>> 14) & 0x3fff),
      hasAlpha: (bits & 0x10000000) !== 0,
    };
  }
  // A still image is a key frame, which starts with a tag and a start code (RFC 6386, 9.1).
  const isKeyFrame = (data.readUInt8(0) & 1) === 0 && data.readUIntBE(3, 3) === 0x9d012a;
  if (!isKeyFrame) return undefined;
  return { width: data.readUInt16LE(6) & 0x3fff, height: data.readUInt16LE(8) & 0x3fff, hasAlpha: false };
}

function contradictionOf(
  all: readonly Chunk[],
  canvas: Frame | undefined,
  frame: Frame | undefined,
): string | undefined {
  const headers = all.filter(({ name }) => name === 'VP8X').length;
  const pixels = all.filter(({ name }) => PIXELS.includes(name)).length;
  const frames = all.filter(({ name }) => name === 'ANMF');
  if (headers > (canvas ? 1 : 0) || pixels + Math.min(1, frames.length) > 1) return 'it has two headers';
  if (canvas && frame && (canvas.width !== frame.width || canvas.height !== frame.height)) {
    return 'its headers disagree about its size';
  }
  const doFit = frames.every((one) => canvas && fits(one, canvas));
  return doFit ? undefined : 'a frame is larger than the image';
}

function problemOf(all: readonly Chunk[], frame: Frame | undefined): string | undefined {
  const first = all.find(({ name }) => PIXELS.includes(name) || name === 'ANMF');
  if (!first || (first.name !== 'ANMF' && !frame)) return 'the WebP has no image data';
  return first.isCut ? 'the WebP ends within its image data' : undefined;
}

/** A frame of an animation has its position and size in three-byte values, the position halved (RFC 9649, 2.7.1.1). */
function fits({ data, isCut }: Chunk, canvas: Frame): boolean {
  if (isCut) return true;
  if (data.length < 16) return false;
  const right = 2 * data.readUIntLE(0, 3) + 1 + data.readUIntLE(6, 3);
  const bottom = 2 * data.readUIntLE(3, 3) + 1 + data.readUIntLE(9, 3);
  return right <= canvas.width && bottom <= canvas.height;
}

function damageOf(bytes: Buffer, all: readonly Chunk[]): string | undefined {
  if (8 + bytes.readUInt32LE(4) > bytes.length) return 'the WebP ends before its declared length';
  return all.some(({ isCut }) => isCut) ? 'the WebP ends in the middle of a chunk' : undefined;
}

function readMetadata(
  exif: Buffer | undefined,
  xmp: Buffer | undefined,
  flags: number,
): { orientation: Orientation; oddity: string | undefined } {
  const isDeclared = exif !== undefined && (flags & FLAG.exif) !== 0;
  const orientation = isDeclared ? readOrientation(withoutExifPrefix(exif)) : UPRIGHT;
  const isUsual = exif === undefined || (isDeclared && orientation.isPlain && !hasExifPrefix(exif));
  if (orientation.orientation > 1) return { orientation, oddity: 'it is rotated' };
  if (!isUsual) return { orientation, oddity: 'its EXIF data are unusual' };
  const isTurnedByXmp = xmp !== undefined && xmpDisagrees(xmp, orientation.orientation);
  return { orientation, oddity: isTurnedByXmp ? 'it is rotated by its XMP data alone' : undefined };
}
