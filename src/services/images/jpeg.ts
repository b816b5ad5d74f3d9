import { type Orientation, readOrientation, UPRIGHT, xmpDisagrees } from './exif.js';
import { isSrgbProfile } from './icc.js';
import { JpegScans } from './JpegScans.js';
import { isFrameHeader, type JpegSegment, MARKER, walkJpeg } from './jpegSegments.js';
import type { ImageStructure } from './structure.js';

const EXIF_PREFIX = 'Exif\0';
const EXIF_PREFIX_LENGTH = 6;
const XMP_PREFIX = 'http://ns.adobe.com/xap/1.0/\0';
const PROFILE_PREFIX = 'ICC_PROFILE\0';
const MPF_PREFIX = 'MPF\0';
const SOI_BYTES = Buffer.from([0xff, MARKER.SOI]);
const EOI_BYTES = Buffer.from([0xff, MARKER.EOI]);
const FRAME_HEADER_LENGTH = 6;
/** Baseline, extended and progressive, all Huffman-coded: what every program decodes. */
const USUAL_FRAMES = [0xc0, 0xc1, 0xc2];

const startsWith = ({ data }: JpegSegment, prefix: string) =>
  data.toString('latin1', 0, prefix.length) === prefix;

export function isJpeg(bytes: Buffer): boolean {
  return bytes[0] === 0xff && bytes[1] === MARKER.SOI && bytes[2] === 0xff;
}

/** Reads the structure of a JPEG (ITU-T T.81); undefined without a frame header. */
export function readJpeg(bytes: Buffer): ImageStructure | undefined {
  const { segments, damage, hasEnd } = walkJpeg(bytes);
  const frames = segments.filter(
    ({ marker, data }) => isFrameHeader(marker) && data.length >= FRAME_HEADER_LENGTH,
  );
  const [frame] = frames;
  if (!frame) return undefined;
  const firstScan = segments.findIndex(({ marker }) => marker === MARKER.SOS);
  // Decoders look for these before the first scan only.
  const head = firstScan === -1 ? segments : segments.slice(0, firstScan);
  const scans = new JpegScans(segments);
  const { orientation, oddity } = readMetadata(head);
  return {
    height: frame.data.readUInt16BE(1),
    width: frame.data.readUInt16BE(3),
    hasAlpha: false,
    orientation: orientation.orientation,
    isLossy: true,
    contradiction: frames.length > 1 ? 'it has two frame headers' : undefined,
    problem: scans.problem ?? (hasEnd ? undefined : scans.missing),
    damage: damage ?? scans.damage,
    oddity: codingOddity(frame) ?? profileOddity(head) ?? oddity,
    hasMorePictures: head.some((one) => one.marker === MARKER.APP2 && startsWith(one, MPF_PREFIX)),
  };
}

/** Returns the first image of a file with several: the same bytes without the further images and their index. */
export function firstPictureOf(bytes: Buffer): Buffer {
  const { segments } = walkJpeg(bytes);
  const kept = segments.filter((one) => !(one.marker === MARKER.APP2 && startsWith(one, MPF_PREFIX)));
  return Buffer.concat([SOI_BYTES, ...kept.map(({ whole }) => whole), EOI_BYTES]);
}

/** Returns the same image with only what decoding needs: no metadata, no stray bytes, an end marker. */
export function rebuildJpeg(bytes: Buffer): Buffer {
  const parts = neededParts(bytes);
  return Buffer.concat([SOI_BYTES, ...parts, EOI_BYTES]);
}

/**
 * Candidates for a JPEG without an end marker: only a decoder can distinguish the end of the pixels from padding. Of
 * each pair, the second value is one with less, which must not decode for the first to count.
 */
export function rebuiltEndings(bytes: Buffer): ReadonlyArray<{ jpeg: Buffer; tooShort?: Buffer }> {
  const parts = neededParts(bytes);
  const last = parts.pop() ?? Buffer.alloc(0);
  const cutAt = (length: number) => Buffer.concat([SOI_BYTES, ...parts, last.subarray(0, length), EOI_BYTES]);
  const unpadded = lengthWithoutPadding(last);
  if (unpadded === last.length) return [{ jpeg: cutAt(last.length) }];
  const isStuffed = last[unpadded] === 0xff && last[unpadded + 1] === 0;
  return [
    { jpeg: cutAt(unpadded) },
    // A stuffed FF at the end of the pixels looks like padding.
    ...(isStuffed ? [{ jpeg: cutAt(unpadded + 2) }] : []),
    // So do zeros, in a plain area; but then all of them are needed, or the file was truncated and padded.
    { jpeg: cutAt(last.length), tooShort: cutAt(last.length - 1) },
  ];
}

function lengthWithoutPadding(part: Buffer): number {
  let length = part.length;
  while (length > 0 && (part[length - 1] === 0 || part[length - 1] === 0xff)) length -= 1;
  return length;
}

function neededParts(bytes: Buffer): Buffer[] {
  const isNeeded = (one: JpegSegment) => {
    const isApplication = one.marker >= 0xe0 && one.marker <= 0xef;
    // APP0 and APP14 define the colour encoding, APP2 has the profile.
    if (isApplication) return one.marker === 0xe0 || one.marker === 0xee || startsWith(one, PROFILE_PREFIX);
    return one.marker !== 0xfe;
  };
  return walkJpeg(bytes)
    .segments.filter(isNeeded)
    .map(({ whole }) => whole);
}

function codingOddity({ marker, data }: JpegSegment): string | undefined {
  const components = data.readUInt8(5);
  if (!USUAL_FRAMES.includes(marker)) return 'it is coded in an unusual way';
  if (data.readUInt8(0) !== 8) return 'it has more than 8 bits a channel';
  return components === 1 || components === 3 ? undefined : 'its colours are not RGB';
}

function profileOddity(head: readonly JpegSegment[]): string | undefined {
  const pieces = head.filter((one) => one.marker === MARKER.APP2 && startsWith(one, PROFILE_PREFIX));
  const [only] = pieces;
  if (!only) return undefined;
  // After the prefix: the number of this piece, and how many there are. An sRGB profile fits into one.
  const isOne = pieces.length === 1 && only.data[PROFILE_PREFIX.length + 1] === 1;
  const isSrgb = isOne && isSrgbProfile(only.data.subarray(PROFILE_PREFIX.length + 2));
  return isSrgb ? undefined : 'its colours are not sRGB';
}

function readMetadata(head: readonly JpegSegment[]): {
  orientation: Orientation;
  oddity: string | undefined;
} {
  const application = head.filter(({ marker }) => marker === MARKER.APP1);
  const [exif, ...others] = application.filter((one) => startsWith(one, EXIF_PREFIX));
  const orientation = exif ? readOrientation(exif.data.subarray(EXIF_PREFIX_LENGTH)) : UPRIGHT;
  const isUsual =
    exif === undefined ||
    (orientation.isPlain && others.length === 0 && exif.data[EXIF_PREFIX_LENGTH - 1] === 0);
  const isTurnedByXmp = application.some(
    (one) => startsWith(one, XMP_PREFIX) && xmpDisagrees(one.data, orientation.orientation),
  );
  if (!isUsual) return { orientation, oddity: 'its EXIF data are unusual' };
  return { orientation, oddity: isTurnedByXmp ? 'it is rotated by its XMP data alone' : undefined };
}
