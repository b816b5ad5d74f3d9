import type { BlobStore } from './stores.js';

const key = (id: string) => `${id}/result`;

/** The results' bytes, up to a bound: the oldest go first. */
export class ResultShelf {
  readonly #blobs: BlobStore;
  readonly #maxBytes: number;
  readonly #onDropped: (id: string) => void;
  /** Sizes by job id, in order of arrival. */
  readonly #sizes = new Map<string, number>();
  #bytes = 0;

  /** @param onDropped called with the id of each job whose result is gone, for whatever reason */
  constructor(blobs: BlobStore, maxBytes: number, onDropped: (id: string) => void) {
    this.#blobs = blobs;
    this.#maxBytes = maxBytes;
    this.#onDropped = onDropped;
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
    this.#onDropped(id);
    await this.#blobs.delete(key(id));
  }
}
