import type { Readable } from 'node:stream';

/** Bytes from `start` to `end`, both included and counted from 0. Without an end, or one beyond the last byte: all the rest. */
export interface ByteRange {
  readonly start: number;
  readonly end?: number | undefined;
}

/** A file outside this process's memory. It can be read as often as it takes. */
export interface StoredFile {
  /** Names its bytes: files of the same key are the same. */
  readonly key: string;
  readonly sizeBytes: number;
  /** Begins to read. @returns undefined when the bytes are gone */
  open(range?: ByteRange): Promise<Readable | undefined>;
}

/** Bytes in memory, or a file outside of it. */
export type Content = Buffer | StoredFile;

/** What a stored file is not any more. */
export class StoredFileGone extends Error {
  override name = 'StoredFileGone';

  constructor({ key }: StoredFile) {
    super(`The stored file ${key} is gone.`);
  }
}

export function sizeOf(content: Content): number {
  return Buffer.isBuffer(content) ? content.length : content.sizeBytes;
}

/**
 * The bytes of a stored file, a piece at a time as they are asked for.
 * @throws StoredFileGone, Error when there are more or fewer than there were, or what the store fails with
 */
export async function* bytesOf(file: StoredFile): AsyncGenerator<Buffer, void> {
  const source = await file.open();
  if (!source) throw new StoredFileGone(file);
  yield* exactly(source, file.sizeBytes);
}

/** The chunks, if they have so many bytes. @throws Error as soon as that is clear */
export async function* exactly(source: AsyncIterable<Buffer>, bytes: number): AsyncGenerator<Buffer, void> {
  let left = bytes;
  for await (const chunk of source) {
    left -= chunk.length;
    if (left < 0) break;
    yield chunk;
  }
  if (left !== 0) throw new Error('The bytes are not as many as they were.');
}

/**
 * All bytes at once. For what must be in memory as a whole, such as an image that is decoded.
 * @throws StoredFileGone, and what `bytesOf` throws
 */
export async function wholeOf(content: Content): Promise<Buffer> {
  if (Buffer.isBuffer(content)) return content;
  const parts: Buffer[] = [];
  for await (const part of bytesOf(content)) parts.push(part);
  return Buffer.concat(parts);
}

/**
 * The first bytes; all of a file that is no longer than that.
 * @throws StoredFileGone, or what the store fails with
 */
export async function headOf(file: StoredFile, bytes: number): Promise<Buffer> {
  if (file.sizeBytes === 0) return Buffer.alloc(0);
  const source = await file.open({ start: 0, end: bytes - 1 });
  if (!source) throw new StoredFileGone(file);
  const parts: Buffer[] = [];
  for await (const part of source as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}
