import type { TextChunk } from './pngText.js';
import type { VideoTrack } from './webm.js';

/** Time units per second, for all times in the file. */
const TIMESCALE = 12_800;
/** The identity matrix. */
const UNITY = Buffer.from(`00010000${'0'.repeat(24)}00010000${'0'.repeat(24)}40000000`, 'hex');

/** An AV1 image from an AVIF file: its data, and the box with the decoder configuration. */
export interface Av1Picture {
  readonly data: Buffer;
  readonly configuration: Buffer;
}

/** Extracts the image of an AVIF file that contains only one. */
export function av1PictureOf(avif: Buffer): Av1Picture {
  const boxAt = (type: string) => {
    const at = avif.indexOf(type, 0, 'latin1') - 4;
    if (at < 0) throw new Error(`This AVIF file has no ${type}.`);
    return avif.subarray(at, at + avif.readUInt32BE(at));
  };
  return { data: boxAt('mdat').subarray(8), configuration: boxAt('av1C') };
}

/**
 * Writes an MP4 file of AV1 frames (ISO/IEC 14496-12 and the AV1 codec's binding to it), the same frames that AVIF files contain.
 * Browsers can play it.
 * @param configuration the `av1C` box
 */
export function mp4(track: VideoTrack, configuration: Buffer): Buffer {
  const { frames, comment } = track;
  const type = box('ftyp', Buffer.from('isom\0\0\x02\0isomiso2av01mp41', 'latin1'));
  const note = box('free', Buffer.from(comment));
  const before = type.length + note.length;
  // The index has the offsets of the frames, which depend on the length of the index.
  const { length } = index(track, configuration, 0);
  const media = box('mdat', ...frames);
  return Buffer.concat([type, note, index(track, configuration, before + length + 8), media]);
}

function index(
  { frames, width, height, framesPerSecond, texts }: VideoTrack,
  configuration: Buffer,
  at: number,
): Buffer {
  const frameTime = Math.round(TIMESCALE / framesPerSecond);
  const duration = frameTime * frames.length;
  const sizes = box('stsz', words(0, 0, frames.length, ...frames.map((frame) => frame.length)));
  const table = box(
    'stbl',
    box('stsd', words(0, 1), sampleEntry(width, height, configuration)),
    box('stts', words(0, 1, frames.length, frameTime)),
    box('stsc', words(0, 1, 1, frames.length, 1)),
    sizes,
    box('stco', words(0, 1, at)),
  );
  const reference = box('dinf', box('dref', words(0, 1), box('url ', words(1))));
  const handler = box('hdlr', words(0, 0), Buffer.from('vide'), Buffer.alloc(12), Buffer.from('video\0'));
  const media = box(
    'mdia',
    box('mdhd', words(0, 0, 0, TIMESCALE, duration, 0x55c40000)),
    handler,
    box('minf', box('vmhd', words(1, 0, 0)), reference, table),
  );
  const header = box(
    'mvhd',
    words(0, 0, 0, TIMESCALE, duration, 0x10000, 0x1000000, 0, 0),
    UNITY,
    Buffer.alloc(24),
    words(2),
  );
  const place = Buffer.concat([
    words(3, 0, 0, 1, 0, duration, 0, 0, 0, 0),
    UNITY,
    words(width * 65_536, height * 65_536),
  ]);
  return box('moov', header, box('trak', box('tkhd', place), media), ...metadata(texts));
}

/** Texts under names (QuickTime File Format, Metadata), as ffmpeg writes them with `use_metadata_tags`. */
function metadata(texts: readonly TextChunk[]): readonly Buffer[] {
  if (texts.length === 0) return [];
  const names = texts.map(({ keyword }) => box('mdta', Buffer.from(keyword)));
  const values = texts.map(({ text }, n) => {
    // The type of a value is the number of its name, counted from 1; 1 means UTF-8.
    const value = box('data', words(1, 0), Buffer.from(text));
    return Buffer.concat([words(value.length + 8, n + 1), value]);
  });
  const handler = box('hdlr', words(0, 0), Buffer.from('mdta'), Buffer.alloc(13));
  const keys = box('keys', words(0, texts.length), ...names);
  return [box('udta', box('meta', words(0), handler, keys, box('ilst', ...values)))];
}

function sampleEntry(width: number, height: number, configuration: Buffer): Buffer {
  const entry = Buffer.alloc(78);
  entry.writeUInt16BE(1, 6);
  entry.writeUInt16BE(width, 24);
  entry.writeUInt16BE(height, 26);
  // 72 dots per inch, one frame per sample, 24 bits per pixel.
  entry.writeUInt32BE(0x480000, 28);
  entry.writeUInt32BE(0x480000, 32);
  entry.writeUInt16BE(1, 40);
  entry.writeUInt16BE(24, 74);
  entry.writeInt16BE(-1, 76);
  return box('av01', entry, configuration);
}

function box(type: string, ...content: readonly Buffer[]): Buffer {
  const length = content.reduce((sum, part) => sum + part.length, 8);
  return Buffer.concat([words(length), Buffer.from(type, 'latin1'), ...content]);
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [n, value] of values.entries()) bytes.writeUInt32BE(value, 4 * n);
  return bytes;
}
