import type { Readable } from 'node:stream';
import type { Content } from '../../utils/StoredFile.js';
import { AssetError } from '../assets/AssetError.js';
import type { AssetLibrary } from '../assets/AssetLibrary.js';
import type { BlobStore, StoredBytes, StreamLimits, StreamStore } from './BlobStore.js';

/** Bytes of jobs as assets, on a disk or in a bucket. Their keys are the assets' hashes, so any process can read them. */
export class AssetBlobs implements BlobStore, StreamStore {
  readonly #library: AssetLibrary;
  #started: Promise<void> | undefined;

  constructor(library: AssetLibrary) {
    this.#library = library;
  }

  /** Makes the store ready, once. @throws Error when it cannot be used */
  start(): Promise<void> {
    this.#started ??= this.#library.start();
    return this.#started;
  }

  /** Lets go of everything, since the jobs end with the process, and waits until that is deleted. */
  async stop(): Promise<void> {
    this.#library.releaseAll();
    await this.#library.stop();
  }

  async put(_name: string, content: Content): Promise<string> {
    if (!Buffer.isBuffer(content)) {
      this.#library.share(content.key);
      return content.key;
    }
    return (await this.putStream(content)).key;
  }

  async putStream(source: Readable | Buffer, limits: StreamLimits = {}): Promise<StoredBytes> {
    // Clients need not wait with their first job until the server has started.
    await this.start();
    const { hash, sizeBytes } = await this.#library.put(source, limits);
    return this.#stored(hash, sizeBytes);
  }

  async get(key: string, sizeBytes: number): Promise<StoredBytes> {
    return this.#stored(key, sizeBytes);
  }

  async delete(key: string): Promise<void> {
    this.#library.release(key);
  }

  #stored(key: string, sizeBytes: number): StoredBytes {
    return {
      key,
      sizeBytes,
      open: async (range) => {
        try {
          return await this.#library.open(key, range);
        } catch (error) {
          if (error instanceof AssetError && error.problem === 'not_found') return undefined;
          throw error;
        }
      },
      url: (presentation) => this.#library.url(key, presentation),
    };
  }
}
