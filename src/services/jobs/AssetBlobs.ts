import { buffer } from 'node:stream/consumers';
import { AssetError } from '../assets/AssetError.js';
import type { AssetLibrary } from '../assets/AssetLibrary.js';
import type { StoredAsset } from '../assets/AssetStore.js';
import type { BlobStore, StoredBytes } from './stores.js';

/**
 * Bytes of jobs as assets, on a disk or in a bucket. Which bytes belong to which key is known to this process only, as
 * the jobs are.
 */
export class AssetBlobs implements BlobStore {
  readonly #library: AssetLibrary;
  /** What each key holds in the library. */
  readonly #assets = new Map<string, StoredAsset>();
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
    for (const key of [...this.#assets.keys()]) await this.delete(key);
    await this.#library.stop();
  }

  async put(key: string, bytes: Buffer): Promise<void> {
    // Clients need not wait with their first job until the server has started.
    await this.start();
    const asset = await this.#library.put(bytes);
    // It is put a second time where the answer to the first time was lost.
    await this.delete(key);
    this.#assets.set(key, asset);
  }

  async get(key: string): Promise<Buffer | undefined> {
    const asset = this.#assets.get(key);
    if (!asset) return undefined;
    try {
      const bytes = await buffer(await this.#library.open(asset.hash));
      if (bytes.length === asset.sizeBytes) return bytes;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    throw new Error(`The asset ${asset.hash} was damaged.`);
  }

  find(key: string): StoredBytes | undefined {
    const asset = this.#assets.get(key);
    if (!asset) return undefined;
    const { hash, sizeBytes } = asset;
    return {
      sizeBytes,
      open: async (range) => {
        try {
          return await this.#library.open(hash, range);
        } catch (error) {
          if (isMissing(error)) return undefined;
          throw error;
        }
      },
      url: (presentation) => this.#library.url(hash, presentation),
    };
  }

  async delete(key: string): Promise<void> {
    const asset = this.#assets.get(key);
    this.#assets.delete(key);
    if (asset) this.#library.release(asset.hash);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof AssetError && error.problem === 'not_found';
}
