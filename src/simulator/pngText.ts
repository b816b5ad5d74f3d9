import { crc32 } from '../utils/crc32.js';

/** Text in a PNG under a keyword. */
export interface TextChunk {
  readonly keyword: string;
  readonly text: string;
}

/** Offset after a PNG's signature and IHDR. */
const AFTER_HEADER = 8 + 25;

/** Adds tEXt chunks to a PNG after its header, where PIL writes them. */
export function withText(png: Buffer, chunks: readonly TextChunk[]): Buffer {
  if (chunks.length === 0) return png;
  return Buffer.concat([png.subarray(0, AFTER_HEADER), ...chunks.map(encoded), png.subarray(AFTER_HEADER)]);
}

function encoded({ keyword, text }: TextChunk): Buffer {
  const content = Buffer.from(`tEXt${keyword}\0${text}`, 'latin1');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length - 4);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(content));
  return Buffer.concat([length, content, checksum]);
}
