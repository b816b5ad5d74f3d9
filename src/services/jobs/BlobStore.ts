import type { Readable } from 'node:stream';
import { type Content, type StoredFile, wholeOf } from '../../utils/StoredFile.js';
import type { AssetPresentation } from '../assets/AssetStore.js';

/** Where the bytes of uploads and results live, apart from the records. */
export interface BlobStore {
  /**
   * Keeps bytes. What is stored already is held once more.
   * @param name for them alone
   * @returns the key by which they are found, in any process: the name, or another one that the store gives them
   */
  put(name: string, content: Content): Promise<string>;
  /**
   * @param sizeBytes that they have
   * @returns the bytes where they are in memory, or else the file that they are; undefined for those that are known to be
   * gone
   */
  get(key: string, sizeBytes: number): Promise<Buffer | StoredBytes | undefined>;
  /**
   * Lets go of what was put once. That may be done again, by any process.
   * @param key as `put` gave it; undefined where that rejected, so that nobody knows whether the bytes are there
   */
  delete(name: string, key: string | undefined): Promise<void>;
}

/** Bytes that lie outside this process: whoever sends them on need not have them all in memory. */
export interface StoredBytes extends StoredFile {
  /** A signed address that gives them, where the store has such. */
  url(presentation: AssetPresentation): Promise<string | undefined>;
}

/** Bytes that are held for whoever brought them. */
export interface HeldBytes extends StoredBytes {
  /** Lets go of them. Nobody waits until they are gone. */
  release(): void;
}

export interface StreamLimits {
  /** More bytes than this are refused while they come. */
  readonly maxBytes?: number | undefined;
  /** Gives up, with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called when all bytes are there with what holds them, which it may do again where that fails. */
  readonly hold?: ((take: () => Promise<void>) => Promise<void>) | undefined;
}

/** Takes bytes as they come to a place outside this process's memory. */
export interface StreamStore {
  /**
   * Reads a source to its end and holds what came for the caller, who releases it. Of a source that fails, or of too many
   * bytes, nothing is left.
   * @throws AssetError `too_large`, the signal's reason, or what the source or the store failed with
   */
  putStream(source: Readable | Buffer, limits?: StreamLimits): Promise<HeldBytes>;
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

  /** How many blobs there are, for whoever counts what is left. */
  get size(): number {
    return this.#blobs.size;
  }

  /** Of all blobs, for whoever asks what they are. */
  keys(): IterableIterator<string> {
    return this.#blobs.keys();
  }
}
