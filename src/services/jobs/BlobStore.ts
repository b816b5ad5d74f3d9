import type { Readable } from 'node:stream';
import { type Content, type StoredFile, wholeOf } from '../../utils/StoredFile.js';
import type { AssetPresentation } from '../assets/AssetStore.js';

/** Stores the bytes of uploads and results, separate from the records. */
export interface BlobStore {
  /**
   * Stores bytes. A stored file is held once more.
   * @param name unique
   * @returns the key by which any process finds them: the name, or another one chosen by the store
   */
  put(name: string, content: Content): Promise<string>;
  /**
   * @param sizeBytes their length
   * @returns the bytes if they are in memory, otherwise the file; undefined if they are known to be gone
   */
  get(key: string, sizeBytes: number): Promise<Buffer | StoredBytes | undefined>;
  /**
   * Releases what was put once. May be repeated, by any process.
   * @param key from `put`; undefined if `put` failed, so that it is unknown whether the bytes are stored
   */
  delete(name: string, key: string | undefined): Promise<void>;
}

/** Bytes outside this process: sending them does not require all of them in memory. */
export interface StoredBytes extends StoredFile {
  /** A presigned URL, if the store supports it. */
  url(presentation: AssetPresentation): Promise<string | undefined>;
}

/** Bytes that are held for the caller. */
export interface HeldBytes extends StoredBytes {
  /** Releases them. The deletion is not awaited. */
  release(): void;
}

export interface StreamLimits {
  /** More bytes are rejected while they arrive. */
  readonly maxBytes?: number | undefined;
  /** Aborts with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the function that takes the hold, when all bytes are there; it may be repeated after a failure. */
  readonly hold?: ((take: () => Promise<void>) => Promise<void>) | undefined;
}

/** Streams bytes to a place outside this process's memory. */
export interface StreamStore {
  /**
   * Reads a source to its end and holds the bytes for the caller, who must release them. After a failure, or with too
   * many bytes, nothing is left.
   * @throws AssetError `too_large`, the signal's reason, or the error of the source or the store
   */
  putStream(source: Readable | Buffer, limits?: StreamLimits): Promise<HeldBytes>;
  /**
   * Holds a stored file for the caller, too, who must release it. Whoever else holds it may release it at any time.
   * @returns undefined if its bytes no longer exist
   */
  hold(file: StoredFile): Promise<HeldBytes | undefined>;
  /** Whether the bytes of a stored file exist. */
  has(file: StoredFile): Promise<boolean>;
}

/** Bytes in this process's memory. */
export class MemoryBlobStore implements BlobStore {
  readonly #blobs = new Map<string, Buffer>();

  async put(name: string, content: Content): Promise<string> {
    this.#blobs.set(name, Buffer.isBuffer(content) ? content : await wholeOf(content));
    return name;
  }

  async get(key: string): Promise<Buffer | undefined> {
    return this.#blobs.get(key);
  }

  async delete(name: string): Promise<void> {
    this.#blobs.delete(name);
  }

  /** Number of blobs, for tests. */
  get size(): number {
    return this.#blobs.size;
  }

  /** Size of all blobs, for tests. */
  keys(): IterableIterator<string> {
    return this.#blobs.keys();
  }
}
