import type { Readable } from 'node:stream';

/**
 * A range of bytes from `start` to `end`, both inclusive, from 0. Without an end, or beyond the last byte: everything
 * from `start`.
 */
export interface ByteRange {
  readonly start: number;
  readonly end?: number | undefined;
}

/** A file outside this process's memory. It can be read any number of times. */
export interface StoredFile {
  /** Identifies the content: files with the same key are equal. */
  readonly key: string;
  readonly sizeBytes: number;
  /** Opens the file. @returns undefined if the bytes are gone */
  open(range?: ByteRange): Promise<Readable | undefined>;
}

/** Bytes in memory, or a file outside of it. */
export type Content = Buffer | StoredFile;

/** The stored file no longer exists. */
export class StoredFileGone extends Error {
  override name = 'StoredFileGone';

  constructor({ key }: StoredFile) {
    super(`The stored file ${key} is gone.`);
  }
}

export function sizeOf(content: Content): number {
  return Buffer.isBuffer(content) ? content.length : content.sizeBytes;
}

/** Whether two files of the same store have the same bytes. */
export function areEqual(one: Content, other: Content): boolean {
  if (Buffer.isBuffer(one)) return Buffer.isBuffer(other) && one.equals(other);
  return !Buffer.isBuffer(other) && one.key === other.key;
}

/**
 * The bytes of a stored file as a stream of chunks.
 * @throws StoredFileGone, Error if the number of bytes differs, or the error of the store
 */
export async function* bytesOf(file: StoredFile): AsyncGenerator<Buffer, void> {
  const source = await file.open();
  if (!source) throw new StoredFileGone(file);
  yield* exactly(source, file.sizeBytes);
}

/** The chunks, if they have exactly this many bytes. @throws Error as soon as they do not */
export async function* exactly(source: AsyncIterable<Buffer>, bytes: number): AsyncGenerator<Buffer, void> {
  let left = bytes;
  for await (const chunk of source) {
    left -= chunk.length;
    if (left < 0) break;
    yield chunk;
  }
  if (left !== 0) throw new Error('The number of bytes has changed.');
}

/** The part of a stream within a range; the stream is not read beyond it. */
export async function* partOf(
  source: AsyncIterable<Buffer>,
  { start, end = Number.POSITIVE_INFINITY }: ByteRange = { start: 0 },
): AsyncGenerator<Buffer, void> {
  let at = 0;
  for await (const chunk of source) {
    if (at + chunk.length > start) yield chunk.subarray(Math.max(0, start - at), end + 1 - at);
    at += chunk.length;
    if (at > end) return;
  }
}

/**
 * All bytes at once. For files that must be in memory, such as an image to decode.
 * @throws StoredFileGone, and the errors of `bytesOf`
 */
export async function wholeOf(content: Content): Promise<Buffer> {
  if (Buffer.isBuffer(content)) return content;
  const parts: Buffer[] = [];
  for await (const part of bytesOf(content)) parts.push(part);
  return Buffer.concat(parts);
}

/**
 * The first bytes, or the whole file if it is shorter.
 * @throws StoredFileGone, or the error of the store
 */
export async function headOf(file: StoredFile, bytes: number): Promise<Buffer> {
  if (file.sizeBytes === 0) return Buffer.alloc(0);
  const source = await file.open({ start: 0, end: bytes - 1 });
  if (!source) throw new StoredFileGone(file);
  const parts: Buffer[] = [];
  for await (const part of source as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}
