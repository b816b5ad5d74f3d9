/** What is written into a PNG under a keyword. */
export interface TextChunk {
  readonly keyword: string;
  readonly text: string;
}

/** Offset of what follows a PNG's signature and IHDR. */
const AFTER_HEADER = 8 + 25;

/** A PNG with tEXt chunks behind its header, where PIL writes them. */
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

/** Remainders of the polynomial that PNG's checksum uses, by byte. */
const REMAINDERS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit += 1) {
    remainder = remainder & 1 ? (remainder >>> 1) ^ 0xed_b8_83_20 : remainder >>> 1;
  }
  return remainder;
});

/** `node:zlib` has it only in newer versions of Node 20. */
function crc32(bytes: Buffer): number {
  let crc = 0xff_ff_ff_ff;
  for (const byte of bytes) crc = (REMAINDERS[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xff_ff_ff_ff) >>> 0;
}

/** JSON as Python's `json.dumps` writes it: a blank behind `,` and `:`, and nothing but ASCII. */
export function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, one]) => one !== undefined);
    return `{${entries.map(([key, one]) => `${pythonJson(key)}: ${pythonJson(one)}`).join(', ')}}`;
  }
  const text = JSON.stringify(value) ?? 'null';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what is outside of ASCII is what this is about
  return text.replace(/[^\x00-\x7f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
