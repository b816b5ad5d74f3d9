import type { Readable } from 'node:stream';
import { Blake3Hasher } from '@napi-rs/blake-hash';
import { unlessAborted } from '../../utils/deadline.js';
import { AssetError } from './AssetError.js';
import type { AssetSource, PutOptions } from './AssetStore.js';

/** Bytes of a Buffer that are hashed and passed on before others have their turn. */
const PIECE_BYTES = 1024 * 1024;

type Taken = { readonly hash: string; readonly sizeBytes: number };

/** State of one source that is being read. */
interface Reading {
  readonly hasher: Blake3Hasher;
  sizeBytes: number;
  /** The error of the source or of its limits, if there was one. */
  failure: { readonly error: unknown } | undefined;
}

/** Reads sources: hashes the bytes on the way and enforces limits. */
export class Intake {
  /**
   * @param write takes all bytes, without changing them; it may stop early by throwing
   * @throws AssetError `too_large` or `hash_mismatch`, the signal's reason, the error of the source, or otherwise the
   * error of `write`
   */
  async read(
    source: AssetSource,
    options: PutOptions,
    write: (chunks: AsyncGenerator<Buffer, void>) => Promise<void>,
  ): Promise<Taken> {
    options.signal?.throwIfAborted();
    const reading: Reading = { hasher: new Blake3Hasher(), sizeBytes: 0, failure: undefined };
    try {
      await write(takeChunks(source, options, reading));
      const hash = reading.hasher.digest('hex');
      checkHash(hash, options.expectedHash);
      options.signal?.throwIfAborted();
      await options.onHash?.(hash);
      return { hash, sizeBytes: reading.sizeBytes };
    } catch (error) {
      // The original cause, without the wrapper of a library.
      throw reading.failure ? reading.failure.error : error;
    }
  }
}

/**
 * The chunks of a source, which are counted and hashed on the way. This is no closure in `read`: V8 would keep what it
 * refers to, which includes the source, until the next full garbage collection.
 */
async function* takeChunks(
  source: AssetSource,
  options: PutOptions,
  reading: Reading,
): AsyncGenerator<Buffer, void> {
  // A reader that fails may throw its error into this generator.
  let isWithReader = false;
  try {
    for await (const chunk of chunksOf(source, options.signal)) {
      reading.sizeBytes += chunk.length;
      if (reading.sizeBytes > (options.maxBytes ?? Number.POSITIVE_INFINITY)) {
        throw new AssetError('too_large', `There are more than ${options.maxBytes} bytes.`);
      }
      isWithReader = true;
      yield chunk;
      isWithReader = false;
      // Afterwards, so that bytes are hashed while they are written.
      reading.hasher.update(chunk);
    }
  } catch (error) {
    if (!isWithReader) reading.failure = { error };
    throw error;
  }
}

function checkHash(hash: string, expected: string | undefined): void {
  if (expected === undefined || expected.toLowerCase() === hash) return;
  throw new AssetError('hash_mismatch', `The hash of the bytes is ${hash}, but ${expected} was expected.`);
}

function chunksOf(source: AssetSource, signal: AbortSignal | undefined): AsyncGenerator<Buffer, void> {
  return Buffer.isBuffer(source) ? piecesOf(source, signal) : chunksOfStream(source, signal);
}

async function* piecesOf(bytes: Buffer, signal: AbortSignal | undefined): AsyncGenerator<Buffer, void> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    if (at > 0) await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
    yield bytes.subarray(at, at + PIECE_BYTES);
  }
}

const ignore = () => undefined;

/** A stream that is not read to its end stays open: its owner may want to respond on the connection behind it. */
async function* chunksOfStream(
  stream: Readable,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void> {
  const iterator = stream.iterator({ destroyOnReturn: false });
  // It may fail after the last read, which would end the process.
  stream.on('error', ignore);
  try {
    for (;;) {
      const next = iterator.next() as Promise<IteratorResult<Buffer | string>>;
      const { done, value } = await (signal ? unlessAborted(next, signal) : next);
      if (done) return;
      yield typeof value === 'string' ? Buffer.from(value) : value;
    }
  } finally {
    // Not awaited: after an abort it ends with the stream.
    iterator.return?.().catch(() => undefined);
  }
}
