/** Markers of a JPEG (ITU-T T.81, table B.1). */
export const MARKER = {
  TEM: 0x01,
  DHT: 0xc4,
  SOI: 0xd8,
  EOI: 0xd9,
  SOS: 0xda,
  DQT: 0xdb,
  APP0: 0xe0,
  APP1: 0xe1,
  APP2: 0xe2,
} as const;

const isRestart = (marker: number) => marker >= 0xd0 && marker <= 0xd7;
const hasNoLength = (marker: number) => marker === MARKER.SOI || marker === MARKER.TEM || isRestart(marker);
/** SOF0..SOF15 have the size; C4, C8 and CC are tables in the same range. */
export const isFrameHeader = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

/** A segment of a JPEG: a marker with its data, and after a scan header the scan. */
export interface JpegSegment {
  readonly marker: number;
  /** Without the two bytes of its length. */
  readonly data: Buffer;
  /** From its marker to the next one. */
  readonly whole: Buffer;
  /** Entropy-coded data of a scan; empty for other segments. */
  readonly scan: Buffer;
}

export interface JpegWalk {
  readonly segments: readonly JpegSegment[];
  /** Irregularities between the segments or at the end. */
  readonly damage: string | undefined;
  /** Whether an end marker was reached. */
  readonly hasEnd: boolean;
}

/** More markers outside scans than any program writes. */
const MAX_MARKERS = 10_000;

/** Splits a JPEG into segments, up to its end marker; bytes outside segments are ignored. */
export function walkJpeg(bytes: Buffer): JpegWalk {
  const segments: JpegSegment[] = [];
  let damage: string | undefined;
  let at = 2;
  for (let markers = 0; markers < MAX_MARKERS; markers += 1) {
    const start = nextMarker(bytes, at);
    if (start === undefined) break;
    if (start !== skipFill(bytes, at)) damage ??= 'the JPEG has bytes where a marker belongs';
    const marker = bytes.readUInt8(start + 1);
    if (marker === MARKER.EOI) return { segments, damage, hasEnd: true };
    at = start + 2;
    if (marker === MARKER.SOI) damage ??= 'the JPEG starts twice';
    if (hasNoLength(marker)) continue;
    const segment = segmentAt(bytes, start);
    if (!segment) {
      damage ??= 'the JPEG ends in the middle of a segment';
      break;
    }
    segments.push(segment);
    at = start + segment.whole.length;
  }
  return { segments, damage: damage ?? 'the JPEG ends before its end marker', hasEnd: false };
}

/** Returns the segment whose marker is at `start`; `undefined` if the file ends before it does. */
function segmentAt(bytes: Buffer, start: number): JpegSegment | undefined {
  const marker = bytes.readUInt8(start + 1);
  const lengthAt = start + 2;
  const length = lengthAt + 2 <= bytes.length ? bytes.readUInt16BE(lengthAt) : 0;
  const end = lengthAt + length;
  if (length < 2 || end > bytes.length) return undefined;
  const scanEnd = marker === MARKER.SOS ? endOfScan(bytes, end) : end;
  return {
    marker,
    data: bytes.subarray(lengthAt + 2, end),
    whole: bytes.subarray(start, scanEnd),
    scan: bytes.subarray(end, scanEnd),
  };
}

/** A marker may follow any number of fill bytes: the position of the last FF. */
function skipFill(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at += 1;
  return at;
}

/** Returns the position of the next FF before a marker byte. */
function nextMarker(bytes: Buffer, from: number): number | undefined {
  for (let at = from; ; ) {
    // Where one FF follows another, a comparison costs a tenth of a call of `indexOf`.
    if (bytes[at] !== 0xff) at = bytes.indexOf(0xff, at);
    const next = at === -1 ? undefined : bytes[at + 1];
    if (next === undefined) return undefined;
    if (next !== 0 && next !== 0xff) return at;
    at += next === 0 ? 2 : 1;
  }
}

/** Entropy-coded data end at the next marker that is neither a stuffed byte (FF 00) nor a restart. */
function endOfScan(bytes: Buffer, from: number): number {
  for (let at = nextMarker(bytes, from); at !== undefined; at = nextMarker(bytes, at + 2)) {
    if (!isRestart(bytes.readUInt8(at + 1))) return at;
  }
  return bytes.length;
}
