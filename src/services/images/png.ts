import { PngFile } from './PngFile.js';
import { makeChunk, pngChunks, SIGNATURE } from './pngChunks.js';
import { packedProfile, pngColours } from './pngColours.js';
import type { ImageStructure } from './structure.js';

const HEADER_LENGTH = 13;
const RGBA = 6;
/** Bit depths by colour type. */
const DEPTHS: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};
export function isPng(bytes: Buffer): boolean {
  return bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE);
}

/** The content of a PNG's IHDR chunk. */
interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colourType: number;
  readonly isValid: boolean;
}

/** Reads the structure of a PNG (ISO/IEC 15948, third edition); undefined without a header at the start. */
export function readPng(bytes: Buffer): ImageStructure | undefined {
  const header = readHeader(bytes);
  if (!header) return undefined;
  const file = new PngFile(bytes);
  const colours = pngColours(file.first, header.colourType);
  return {
    width: header.width,
    height: header.height,
    // Colour types 4 and 6 have alpha; any other may define transparent colours in tRNS.
    hasAlpha: header.colourType >= 4 || file.first.has('tRNS'),
    orientation: file.orientation.orientation,
    isLossy: false,
    contradiction: file.hasTwoHeaders ? 'it has two headers' : undefined,
    problem: (header.isValid ? undefined : 'its header is invalid') ?? file.problem(header.colourType),
    damage: file.damage,
    oddity:
      (header.depth === 16 ? 'it has 16 bits a channel' : undefined) ??
      file.oddity ??
      (colours === 'sRGB' ? undefined : 'its colours are not sRGB'),
    hasMorePictures: false,
  };
}

/** Returns width and height of a complete and undamaged PNG, by its chunks and their checksums: nothing is decoded. */
export function sizeOfWholePng(bytes: Buffer): { width: number; height: number } | undefined {
  const header = readHeader(bytes);
  if (!header?.isValid) return undefined;
  const file = new PngFile(bytes);
  const isWhole = !file.hasTwoHeaders && !file.damage && !file.problem(header.colourType);
  return isWhole ? { width: header.width, height: header.height } : undefined;
}

/** Whether a PNG has four channels. Decoders make the fourth one of a transparent colour (tRNS) as well. */
export function isRgbaPng(bytes: Buffer): boolean {
  return readHeader(bytes)?.colourType === RGBA;
}

/** Whether sharp would not decode a PNG as a viewer shows it: it has 16 bits, or describes its colours. */
export function hasOddColours(bytes: Buffer): boolean {
  const header = readHeader(bytes);
  if (!header || header.depth === 16) return header !== undefined;
  const described = new Map<string, Buffer>();
  for (const { name, data } of pngChunks(bytes)) {
    if (name === 'IDAT') break;
    if (!described.has(name)) described.set(name, data);
  }
  return pngColours(described, header.colourType) !== 'sRGB';
}

function readHeader(bytes: Buffer): Header | undefined {
  const at = SIGNATURE.length + 8;
  if (!isPng(bytes) || bytes.length < at + HEADER_LENGTH) return undefined;
  if (bytes.toString('latin1', at - 4, at) !== 'IHDR') return undefined;
  const depth = bytes.readUInt8(at + 8);
  const colourType = bytes.readUInt8(at + 9);
  const isUsual = bytes.readUInt16BE(at + 10) === 0 && bytes.readUInt8(at + 12) <= 1;
  return {
    width: bytes.readUInt32BE(at),
    height: bytes.readUInt32BE(at + 4),
    depth,
    colourType,
    isValid:
      bytes.readUInt32BE(at - 8) === HEADER_LENGTH && isUsual && DEPTHS[colourType]?.includes(depth) === true,
  };
}

/**
 * Returns the same image with only what decoding needs, in the order of the standard: no metadata, no further frames,
 * an end. Colours described by numbers become a profile, which decoders support.
 */
export function rebuildPng(bytes: Buffer): Buffer {
  const file = new PngFile(bytes);
  const [ihdr = Buffer.alloc(0)] = [...pngChunks(bytes)].slice(0, 1).map(({ data }) => data);
  const colours = pngColours(file.first, ihdr[9] ?? 0);
  const icc = colours === 'ownProfile' ? file.first.get('iCCP') : undefined;
  const parts = [SIGNATURE, makeChunk('IHDR', ihdr)];
  if (icc) parts.push(makeChunk('iCCP', icc));
  if (Buffer.isBuffer(colours)) parts.push(makeChunk('iCCP', packedProfile(colours)));
  for (const name of ['PLTE', 'tRNS']) {
    const data = file.first.get(name);
    if (data) parts.push(makeChunk(name, data));
  }
  return Buffer.concat([
    ...parts,
    ...file.pixels.map((data) => makeChunk('IDAT', data)),
    makeChunk('IEND', Buffer.alloc(0)),
  ]);
}
