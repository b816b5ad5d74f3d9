import { type Eraser, look, put, skip } from './steps.js';

const HEAD_BYTES = 27;
const CRC_AT = 22;
/** A flag: the page is the first one of its stream. */
const IS_FIRST = 2;

/** What the second packet of a codec begins with, and what follows if it has no comments. The rest of the packet is zeros. */
const WITHOUT_COMMENTS: ReadonlyArray<readonly [firstPacket: string, secondPacket: Buffer]> = [
  // RFC 7845: the length of the vendor and the number of comments, 0, then padding.
  ['OpusHead', Buffer.concat([Buffer.from('OpusTags'), Buffer.alloc(8)])],
  // The same, and a bit at the end (Vorbis I specification).
  ['\x01vorbis', Buffer.concat([Buffer.from('\x03vorbis'), Buffer.alloc(8), Buffer.from([1])])],
];

/** A stream within the file whose second packet has not ended. */
interface Stream {
  readonly emptied: Buffer;
  /** Bytes of the second packet so far. */
  seen: number;
}

/** Opus and Vorbis in Ogg (RFC 3533): the comments of each stream are emptied. */
export function* eraseOgg(): Eraser {
  const streams = new Map<number, Stream>();
  for (;;) {
    const head = yield* look(HEAD_BYTES + 255);
    if (head.length < HEAD_BYTES || head.toString('latin1', 0, 4) !== 'OggS') return;
    const sizes = head.subarray(HEAD_BYTES, HEAD_BYTES + (head[26] ?? 0));
    const dataAt = HEAD_BYTES + sizes.length;
    const page = yield* look(dataAt + sizes.reduce((sum, size) => sum + size, 0));
    const serial = head.readUInt32LE(14);
    if ((head[5] ?? 0) & IS_FIRST) {
      const emptied = WITHOUT_COMMENTS.find(([name]) =>
        page.toString('latin1', dataAt).startsWith(name),
      )?.[1];
      if (emptied) streams.set(serial, { emptied, seen: 0 });
      yield* skip(page.length);
      continue;
    }
    const stream = streams.get(serial);
    if (!stream) {
      if (streams.size === 0) return;
      yield* skip(page.length);
      continue;
    }
    // A comment may continue on the next page.
    const data = Buffer.from(page.subarray(dataAt));
    if (empty(page.subarray(dataAt), sizes, stream)) streams.delete(serial);
    page.writeUInt32LE(0, CRC_AT);
    page.writeUInt32LE(oggCrc(page), CRC_AT);
    yield* put(page, data);
  }
}

/** Empties the part of the second packet on a page. @returns whether the packet ends there */
function empty(data: Buffer, sizes: Buffer, stream: Stream): boolean {
  const last = sizes.findIndex((size) => size < 255);
  const bytes = sizes.subarray(0, last < 0 ? sizes.length : last + 1).reduce((sum, size) => sum + size, 0);
  const part = data.subarray(0, bytes).fill(0);
  if (stream.seen < stream.emptied.length) stream.emptied.copy(part, 0, stream.seen);
  stream.seen += bytes;
  return last >= 0;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let crc = n << 24;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc >>> 0;
});

/** Ogg's checksum of a page: CRC-32 with the usual polynomial, but the highest bit first, and from 0. */
export function oggCrc(page: Buffer): number {
  let crc = 0;
  for (const byte of page) crc = ((crc << 8) ^ (TABLE[(crc >>> 24) ^ byte] ?? 0)) >>> 0;
  return crc;
}
