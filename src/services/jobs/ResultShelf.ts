import type { BlobStore } from './stores.js';

const key = (id: string) => `${id}/result`;

/** The results' bytes, up to a bound: the oldest go first. */
export class ResultShelf {
  readonly #blobs: BlobStore;
  readonly #maxBytes: number;
  /** Sizes by job id, in order of arrival. */
  readonly #sizes = new Map<string, number>();
  #bytes = 0;

  constructor(blobs: BlobStore, maxBytes: number) {
    this.#blobs = blobs;
    this.#maxBytes = maxBytes;
  }

  async put(id: string, bytes: Buffer): Promise<void> {
    this.#sizes.set(id, bytes.length);
    this.#bytes += bytes.length;
    await this.#blobs.put(key(id), bytes);
    for (const oldest of this.#sizes.keys()) {
      // The newest one stays, whatever its size: somebody waits for it.
      if (this.#bytes <= this.#maxBytes || oldest === id) break;
      await this.delete(oldest);
    }
  }

  get(id: string): Promise<Buffer | undefined> {
    return this.#blobs.get(key(id));
  }

  async delete(id: string): Promise<void> {
    const size = this.#sizes.get(id);
    if (size === undefined) return;
    this.#sizes.delete(id);
    this.#bytes -= size;
    await this.#blobs.delete(key(id));
  }
}
