import { crc32 } from '../../utils/crc32.js';

/** The signature of every PNG. */
export const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** One chunk of a PNG. */
export interface PngChunk {
  readonly name: string;
  readonly data: Buffer;
  /** Name and data, which the checksum covers. */
  readonly checked: Buffer;
  readonly checksum: number;
  /** The chunk in the file, from its length to its checksum. */
  readonly whole: Buffer;
  /** The file ends within the chunk. */
  readonly isCut: boolean;
}

const NAMES = new Map<number, string>();

/** Cached names by their number: most files repeat a few. */
function nameOf(bytes: Buffer, at: number): string {
  const number = bytes.readUInt32BE(at);
  let name = NAMES.get(number);
  if (name === undefined) {
    name = bytes.toString('latin1', at, at + 4);
    if (NAMES.size < 100) NAMES.set(number, name);
  }
  return name;
}

/** More chunks than any program writes: a hostile file can have a million in 12 MB. */
export const maxChunks = (bytes: Buffer) => 20_000 + bytes.length / 1024;

/** Yields the chunks of a PNG, up to its IEND chunk or to something that cannot be a chunk, and only one more than `maxChunks`. */
export function* pngChunks(bytes: Buffer): Generator<PngChunk> {
  let left = maxChunks(bytes) + 1;
  for (let at = SIGNATURE.length; at + 8 <= bytes.length && left > 0; left -= 1) {
    const length = bytes.readUInt32BE(at);
    const name = nameOf(bytes, at + 4);
    if (!/^[A-Za-z]{4}$/.test(name)) return;
    const dataEnd = at + 8 + length;
    const isCut = dataEnd + 4 > bytes.length;
    yield {
      name,
      data: bytes.subarray(at + 8, dataEnd),
      checked: bytes.subarray(at + 4, dataEnd),
      checksum: isCut ? 0 : bytes.readUInt32BE(dataEnd),
      whole: bytes.subarray(at, dataEnd + 4),
      isCut,
    };
    if (isCut || name === 'IEND') return;
    at = dataEnd + 4;
  }
}

/** Whether a PNG has more than `maxChunks`. */
export function isInTooManyPieces(bytes: Buffer): boolean {
  let chunks = 0;
  for (const _ of pngChunks(bytes)) chunks += 1;
  return chunks > maxChunks(bytes);
}

/** Assembles a chunk with its checksum. */
export function makeChunk(name: string, data: Buffer): Buffer {
  const checked = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const chunk = Buffer.alloc(4 + checked.length + 4);
  chunk.writeUInt32BE(data.length, 0);
  checked.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(checked), 4 + checked.length);
  return chunk;
}
