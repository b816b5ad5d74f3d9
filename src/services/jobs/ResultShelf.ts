import type { JobBlobs } from './JobBlobs.js';

/** The results' bytes, up to a bound: the oldest go first. */
export class ResultShelf {
  readonly #blobs: JobBlobs;
  readonly #maxBytes: number;
  readonly #onDropped: (id: string) => void;
  /** Sizes by job id, in order of arrival. */
  readonly #sizes = new Map<string, number>();
  #bytes = 0;

  /** @param onDropped called with the id of each job whose result is gone, for whatever reason */
  constructor(blobs: JobBlobs, maxBytes: number, onDropped: (id: string) => void) {
    this.#blobs = blobs;
    this.#maxBytes = maxBytes;
    this.#onDropped = onDropped;
  }

  /** @throws what the store rejects with; nothing of the result is left then */
  async put(id: string, bytes: Buffer): Promise<void> {
    this.#sizes.set(id, bytes.length);
    this.#bytes += bytes.length;
    try {
      await this.#blobs.put(id, bytes);
    } catch (error) {
      this.delete(id);
      throw error;
    }
    for (const oldest of this.#sizes.keys()) {
      // The newest one stays, whatever its size: somebody waits for it.
      if (this.#bytes <= this.#maxBytes || oldest === id) break;
      this.delete(oldest);
    }
  }

  get(id: string): Promise<Buffer | undefined> {
    return this.#blobs.get(id);
  }

  /** Nobody waits until the bytes are gone. */
  delete(id: string): void {
    this.#bytes -= this.#sizes.get(id) ?? 0;
    this.#sizes.delete(id);
    this.#onDropped(id);
    this.#blobs.delete(id);
  }
}
