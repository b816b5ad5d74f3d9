/** The rotation of a file's pixels according to its EXIF data. */
export interface Orientation {
  /** 1..8 as in TIFF 6.0; 1 for upright pixels. */
  readonly orientation: number;
  /** Whether every program reads the same from it: plain data, with at most one entry of the usual type. */
  readonly isPlain: boolean;
}

export const UPRIGHT: Orientation = { orientation: 1, isPlain: true };
const PREFIX = 'Exif\0\0';
const ORIENTATION_TAG = 0x0112;
const SHORT = 3;
const ENTRY_LENGTH = 12;

/**
 * EXIF data of a JPEG start with a prefix of six bytes, and sometimes those of other files, where it does not belong.
 */
export function hasExifPrefix(data: Buffer): boolean {
  return data.toString('latin1', 0, PREFIX.length) === PREFIX;
}

export function withExifPrefix(tiff: Buffer): Buffer {
  return Buffer.concat([Buffer.from(PREFIX, 'latin1'), tiff]);
}

export function withoutExifPrefix(data: Buffer): Buffer {
  return hasExifPrefix(data) ? data.subarray(PREFIX.length) : data;
}

/**
 * Reads the orientation as browsers do: the first entry of the first directory, if it is one 16-bit number.
 * @param tiff EXIF data without the prefix
 */
export function readOrientation(tiff: Buffer): Orientation {
  const order = tiff.toString('latin1', 0, 4);
  const isLittle = order === 'II*\0';
  if ((!isLittle && order !== 'MM\0*') || tiff.length < 8) return { orientation: 1, isPlain: false };
  const uint16 = (at: number) => (isLittle ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at));
  const uint32 = (at: number) => (isLittle ? tiff.readUInt32LE(at) : tiff.readUInt32BE(at));
  const directory = uint32(4);
  if (directory < 8 || directory + 2 > tiff.length) return { orientation: 1, isPlain: false };
  const found: Orientation[] = [];
  const count = uint16(directory);
  for (let n = 0; n < count; n += 1) {
    const at = directory + 2 + n * ENTRY_LENGTH;
    if (at + ENTRY_LENGTH > tiff.length) return { orientation: found[0]?.orientation ?? 1, isPlain: false };
    if (uint16(at) !== ORIENTATION_TAG) continue;
    const isUsual = uint16(at + 2) === SHORT && uint32(at + 4) === 1;
    const value = isUsual ? uint16(at + 8) : 1;
    // No program rotates for a value outside 1..8.
    found.push({ orientation: value >= 1 && value <= 8 ? value : 1, isPlain: isUsual });
  }
  const [first = UPRIGHT] = found;
  return found.length > 1 ? { ...first, isPlain: false } : first;
}

/** Returns EXIF data with nothing but an orientation, without the prefix. */
export function exifOfOrientation(orientation: number): Buffer {
  // One directory, at 8, with one entry: the tag, its type, the number of values, the value; no further directory.
  const tiff = Buffer.alloc(26);
  tiff.write('MM\0*', 'latin1');
  tiff.writeUInt32BE(8, 4);
  tiff.writeUInt16BE(1, 8);
  tiff.writeUInt16BE(ORIENTATION_TAG, 10);
  tiff.writeUInt16BE(SHORT, 12);
  tiff.writeUInt32BE(1, 14);
  tiff.writeUInt16BE(orientation, 18);
  return tiff;
}

/**
 * Whether XMP data request another rotation than `orientation`: Pillow follows them if EXIF has none, browsers never
 * do.
 */
export function xmpDisagrees(xmp: Buffer, orientation: number): boolean {
  if (!xmp.includes('tiff:Orientation')) return false;
  const value = /tiff:Orientation(?:="|>)([0-9])/.exec(xmp.toString('latin1'))?.[1];
  return value !== undefined && Number(value) !== orientation;
}
