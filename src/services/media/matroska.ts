import { type Eraser, fill, look, put, skip } from './steps.js';

/** Elements that consist of elements: the file, its index, and what is known about it. Others are skipped as a whole. */
const CONTAINERS: ReadonlySet<number | undefined> = new Set([0x18538067, 0x114d9b74, 0x1549a966]);
/** Tags, a single one, the title, and checksums of what changes. */
const ERASED: ReadonlySet<number | undefined> = new Set([0x1254c367, 0x7373, 0x7ba9, 0xbf]);
const INDEX_ENTRY = 0x4dbb;
/** In an entry of the index: it refers to tags. */
const OF_TAGS = Buffer.from('53ab841254c367', 'hex');
const VOID = 0xec;

/** WebM and Matroska (RFC 9559): tags and the title become empty space. */
export function* eraseMatroska(): Eraser {
  for (;;) {
    const head = yield* look(64);
    const id = numberIn(head, 4, true);
    const size = id && numberIn(head.subarray(id.length), 8, false);
    if (!id || !size) return;
    const headBytes = id.length + size.length;
    const bytes = headBytes + (size.value ?? 0);
    const isOfTags = id.value === INDEX_ENTRY && head.subarray(0, bytes).includes(OF_TAGS);
    // What is in an element of unknown size is read like what follows it.
    if (CONTAINERS.has(id.value) || size.value === undefined) yield* skip(headBytes);
    else if (ERASED.has(id.value) || isOfTags) yield* eraseElement(bytes);
    else yield* skip(bytes);
  }
}

/** Replaces an element by empty space of the same size. */
function* eraseElement(bytes: number): Eraser {
  yield* put(Buffer.from([VOID]));
  // A size of one or of eight bytes: between them, any number of bytes from 2 on is possible.
  const size = Buffer.alloc(bytes < 9 ? 1 : 8);
  const content = bytes - 1 - size.length;
  if (size.length === 1) size[0] = 0x80 | content;
  else size.writeBigUInt64BE(BigInt(content) | (1n << 56n));
  yield* put(size);
  yield* fill(content);
}

/**
 * Reads a number whose first byte has as many leading zeros as bytes follow.
 * @param keepsMark whether the first one belongs to the number, as in ids
 * @returns `undefined` if it is damaged; without a value if all its bits are ones: it is unknown
 */
function numberIn(
  bytes: Buffer,
  maxLength: number,
  keepsMark: boolean,
): { readonly length: number; readonly value: number | undefined } | undefined {
  const [first = 0] = bytes;
  const length = Math.clz32(first) - 23;
  if (length > maxLength || bytes.length < length) return undefined;
  const marked = bytes.subarray(0, length).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  const mark = 1n << BigInt(7 * length);
  const value = keepsMark ? marked : marked - mark;
  return { length, value: value === mark - 1n ? undefined : Number(value) };
}
