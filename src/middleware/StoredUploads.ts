import { Readable } from 'node:stream';
import { AssetError } from '../services/assets/AssetError.js';
import type { HeldBytes, StreamStore } from '../services/jobs/BlobStore.js';
import type { StoredFile } from '../utils/StoredFile.js';
import { malformed, tooLarge } from './bodyErrors.js';

/** Maximum memory of one file in transit: some chunks of a socket and a form. */
export const STREAM_BYTES = 1024 * 1024;

const ignore = () => undefined;

/** The files of one request that are streamed to the store. They are held until `release`. */
export class StoredUploads {
  readonly #store: StreamStore;
  readonly #onStored: (bytes: number) => void;
  readonly #held: HeldBytes[] = [];
  /** Settle when a file is stored or has failed; they never reject. */
  readonly #underWay = new Set<Promise<void>>();
  readonly #released = new AbortController();

  /** @param onStored called with each number of bytes that left memory */
  constructor(store: StreamStore, onStored: (bytes: number) => void) {
    this.#store = store;
    this.#onStored = onStored;
  }

  /**
   * Streams a file to the store.
   * @param what the file is part of, for the error message about truncation
   * @throws AppError `FILE_TOO_LARGE` or `MALFORMED_UPLOAD`, or the error of the store; nothing is left in the store
   * then
   */
  put(source: Readable, maxBytes: number, what: string): Promise<StoredFile> {
    const file = this.#put(source, maxBytes, what);
    const settled = file.then(ignore, ignore).finally(() => this.#underWay.delete(settled));
    this.#underWay.add(settled);
    return file;
  }

  /** Whether a file is on its way to the store. */
  get isBusy(): boolean {
    return this.#underWay.size > 0;
  }

  /** Resolves when all files in transit are stored or have failed. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async #put(source: Readable, maxBytes: number, what: string): Promise<StoredFile> {
    const body = Readable.from(this.#counted(source, what), { objectMode: false });
    const { signal } = this.#released;
    try {
      const file = await this.#store.putStream(body, { maxBytes, signal });
      if (signal.aborted) file.release();
      else this.#held.push(file);
      return file;
    } catch (error) {
      const isTooLarge = error instanceof AssetError && error.problem === 'too_large';
      throw isTooLarge ? tooLarge(maxBytes) : error;
    } finally {
      body.destroy();
    }
  }

  /** Releases everything, including files in transit. */
  release(): void {
    this.#released.abort(malformed());
    for (const file of this.#held.splice(0)) file.release();
  }

  async *#counted(source: Readable, what: string): AsyncGenerator<Buffer, void> {
    try {
      for await (const chunk of source as AsyncIterable<Buffer>) {
        yield chunk;
        this.#onStored(chunk.length);
      }
    } catch (error) {
      throw malformed(what, error);
    }
  }
}
