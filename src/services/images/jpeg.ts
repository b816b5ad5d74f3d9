import {
  exifOfOrientation,
  type Orientation,
  readOrientation,
  UPRIGHT,
  withExifPrefix,
  xmpDisagrees,
} from './exif.js';
import { isSrgbProfile } from './icc.js';
import { JpegScans } from './JpegScans.js';
import { isFrameHeader, type JpegSegment, type JpegWalk, MARKER, walkJpeg } from './jpegSegments.js';
import type { ImageStructure } from './structure.js';

const EXIF_PREFIX = 'Exif\0';
const EXIF_PREFIX_LENGTH = 6;
const XMP_PREFIX = 'http://ns.adobe.com/xap/1.0/\0';
const PROFILE_PREFIX = 'ICC_PROFILE\0';
const MPF_PREFIX = 'MPF\0';
const SOI_BYTES = Buffer.from([0xff, MARKER.SOI]);
const EOI_BYTES = Buffer.from([0xff, MARKER.EOI]);
const FRAME_HEADER_LENGTH = 6;
const PROGRESSIVE = 0xc2;
/** Baseline, extended and progressive, all Huffman-coded: what every program decodes. */
const USUAL_FRAMES = [0xc0, 0xc1, PROGRESSIVE];

const isApplication = (marker: number) => marker >= 0xe0 && marker <= 0xef;
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
  return joinedJpeg(kept);
}

/** Returns the same image with only what decoding needs: no metadata, no stray bytes, an end marker. */
export function rebuildJpeg(bytes: Buffer): Buffer {
  return joinedJpeg(walkJpeg(bytes).segments.filter(isNeeded));
}

/** Assembles a JPEG from its segments. */
export function joinedJpeg(segments: readonly JpegSegment[]): Buffer {
  return Buffer.concat([SOI_BYTES, ...segments.map(({ whole }) => whole), EOI_BYTES]);
}

/**
 * Returns the same image without its metadata and without anything after its end; the same buffer if there is nothing
 * to remove.
 * @param orientation is kept
 */
export function stripJpegMetadata(bytes: Buffer, orientation: number): Buffer {
  const { segments, hasEnd } = walkJpeg(bytes);
  const kept = segments.filter(isNeeded);
  const head = kept.findIndex(({ marker }) => marker !== MARKER.APP0);
  const parts = kept.map(({ whole }) => whole);
  if (orientation > 1) parts.splice(Math.max(0, head), 0, exifSegment(orientation));
  // Without an end marker, pixels may follow the last known segment.
  const rest = bytes.subarray(lengthUntilEndOf(segments.at(-1), bytes));
  const whole = Buffer.concat([SOI_BYTES, ...parts, hasEnd ? EOI_BYTES : rest]);
  return whole.equals(bytes) ? bytes : whole;
}

function lengthUntilEndOf(segment: JpegSegment | undefined, bytes: Buffer): number {
  return segment ? segment.whole.byteOffset - bytes.byteOffset + segment.whole.length : SOI_BYTES.length;
}

function exifSegment(orientation: number): Buffer {
  const data = withExifPrefix(exifOfOrientation(orientation));
  return Buffer.concat([Buffer.from([0xff, MARKER.APP1, 0, 2 + data.length]), data]);
}

/**
 * Candidates for a damaged JPEG: only a decoder can distinguish the end of the pixels from padding. Of each pair, the
 * second value is one with less, which must not be complete for the first to count.
 */
export function rebuiltEndings({
  segments,
}: JpegWalk): ReadonlyArray<{ jpeg: readonly JpegSegment[]; tooShort?: readonly JpegSegment[] }> {
  const needed = segments.filter(isNeeded);
  const end = needed.pop();
  if (!end) return [];
  const last = end.whole;
  const cutAt = (length: number) => [...needed, { ...end, whole: last.subarray(0, length) }];
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

/** Whether decoders warn of missing data: with arithmetic coding, they continue with zeros. */
export function showsMissingData({ segments }: JpegWalk): boolean {
  return segments.some(({ marker }) => USUAL_FRAMES.includes(marker));
}

/**
 * Returns a JPEG that decodes without a warning only if all data of these segments are there; its colours mean nothing.
 *
 * The decoder warns of missing bits where it reaches them. With one scan for all components, that is while it returns
 * pixels, and nobody sees the warnings of the last rows. Here the frame has more components than the scan, so that the
 * decoder reads all scans before the first pixel.
 */
export function readAtOnce(segments: readonly JpegSegment[]): Buffer {
  const parts = segments
    .filter(({ marker }) => !isApplication(marker))
    .map((one) => (isFrameHeader(one.marker) ? withMoreComponents(one) : one.whole));
  return Buffer.concat([SOI_BYTES, ...parts, EOI_BYTES]);
}

/** Decoders do not accept two components, so a grey image gets two more. */
function withMoreComponents({ marker, data, whole }: JpegSegment): Buffer {
  // The decoder reads all scans of these first anyway.
  if (marker === PROGRESSIVE) return whole;
  const count = data.readUInt8(FRAME_HEADER_LENGTH - 1);
  const components = Buffer.from(data.subarray(0, FRAME_HEADER_LENGTH + 3 * count));
  // With this sampling the added components take little memory. It does not change how a scan of one component is stored.
  if (count === 1) components.writeUInt8(0x44, FRAME_HEADER_LENGTH + 1);
  const used = new Set(Array.from({ length: count }, (_, n) => data[FRAME_HEADER_LENGTH + 3 * n]));
  const free = Array.from({ length: 256 }, (_, id) => id).filter((id) => !used.has(id));
  const table = data.readUInt8(FRAME_HEADER_LENGTH + 2);
  const added = free.slice(0, count === 1 ? 2 : 1).flatMap((id) => [id, 0x11, table]);
  components.writeUInt8(count + added.length / 3, FRAME_HEADER_LENGTH - 1);
  const head = Buffer.from([0xff, marker, 0, 2 + components.length + added.length]);
  return Buffer.concat([head, components, Buffer.from(added)]);
}

function lengthWithoutPadding(part: Buffer): number {
  let length = part.length;
  while (length > 0 && (part[length - 1] === 0 || part[length - 1] === 0xff)) length -= 1;
  return length;
}

/** Whether decoders need a segment: APP0 and APP14 define the colour encoding, APP2 has the profile. */
function isNeeded(one: JpegSegment): boolean {
  if (isApplication(one.marker))
    return one.marker === MARKER.APP0 || one.marker === 0xee || startsWith(one, PROFILE_PREFIX);
  return one.marker !== 0xfe;
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
