import type { Readable } from 'node:stream';
import type { AssetPresentation, AssetRange } from '../assets/AssetStore.js';

/** Where the bytes of uploads and results live, apart from the records. */
export interface BlobStore {
  put(key: string, bytes: Buffer): Promise<void>;
  get(key: string): Promise<Buffer | undefined>;
  delete(key: string): Promise<void>;
  /** What can be read bit by bit, where the store has such. */
  find?(key: string): StoredBytes | undefined;
}

/** Bytes that lie outside this process: whoever sends them on need not have them all in memory. */
export interface StoredBytes {
  readonly sizeBytes: number;
  /** Begins to read. @returns undefined when they are gone */
  open(range?: AssetRange): Promise<Readable | undefined>;
  /** A signed address that gives them, where the store has such. */
  url(presentation: AssetPresentation): Promise<string | undefined>;
}

/** Bytes in this process's memory. */
export class MemoryBlobStore implements BlobStore {
  readonly #blobs = new Map<string, Buffer>();

  async put(key: string, bytes: Buffer): Promise<void> {
    this.#blobs.set(key, bytes);
  }

  async get(key: string): Promise<Buffer | undefined> {
    return this.#blobs.get(key);
  }

  async delete(key: string): Promise<void> {
    this.#blobs.delete(key);
  }

  /** How many blobs there are, for whoever counts what is left. */
  get size(): number {
    return this.#blobs.size;
  }

  /** Of all blobs, for whoever asks what they are. */
  keys(): IterableIterator<string> {
    return this.#blobs.keys();
  }
}
