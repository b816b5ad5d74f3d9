import type { JobBlobs } from './JobBlobs.js';
import type { StoredBytes } from './stores.js';

/** The bytes of what jobs made, up to a bound: the oldest jobs' go first, all of a job's at once. */
export class ResultShelf {
  readonly #blobs: JobBlobs;
  readonly #maxBytes: number;
  readonly #onDropped: (id: string) => void;
  /** Sizes by job id, in order of arrival. */
  readonly #sizes = new Map<string, number>();
  #bytes = 0;

  /** @param onDropped called with the id of each job whose outputs are gone, for whatever reason */
  constructor(blobs: JobBlobs, maxBytes: number, onDropped: (id: string) => void) {
    this.#blobs = blobs;
    this.#maxBytes = maxBytes;
    this.#onDropped = onDropped;
  }

  /** @throws what the store rejects with; nothing of the outputs is left then */
  async put(id: string, outputs: readonly Buffer[]): Promise<void> {
    const size = outputs.reduce((sum, { length }) => sum + length, 0);
    this.#sizes.set(id, size);
    this.#bytes += size;
    try {
      await this.#blobs.put(id, new Map(outputs.map((bytes, index) => [String(index), bytes])));
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

  /** @param index of the output, from 0 */
  get(id: string, index: number): Promise<Buffer | undefined> {
    return this.#blobs.get(id, String(index));
  }

  /** An output that can be read bit by bit, where the store has such. */
  find(id: string, index: number): StoredBytes | undefined {
    return this.#blobs.find(id, String(index));
  }

  /** Nobody waits until the bytes are gone. */
  delete(id: string): void {
    this.#bytes -= this.#sizes.get(id) ?? 0;
    this.#sizes.delete(id);
    this.#onDropped(id);
    this.#blobs.delete(id);
  }
}
