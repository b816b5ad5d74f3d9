import { type Content, sizeOf } from '../../utils/StoredFile.js';
import type { StoredBytes } from './BlobStore.js';
import type { JobOutput } from './Job.js';
import type { JobBlobs } from './JobBlobs.js';

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

  /**
   * @returns the key of each output
   * @throws what the store rejects with; nothing of the outputs is left then
   */
  async put(id: string, outputs: readonly Content[]): Promise<readonly string[]> {
    const size = outputs.reduce((sum, content) => sum + sizeOf(content), 0);
    this.#sizes.set(id, size);
    this.#bytes += size;
    let keys: ReadonlyMap<string, string>;
    try {
      keys = await this.#blobs.put(id, new Map(outputs.map((content, index) => [String(index), content])));
    } catch (error) {
      this.delete(id);
      throw error;
    }
    for (const oldest of this.#sizes.keys()) {
      // The newest one stays, whatever its size: somebody waits for it.
      if (this.#bytes <= this.#maxBytes || oldest === id) break;
      this.delete(oldest);
    }
    return [...keys.values()];
  }

  /** The bytes of an output, or the file that they are outside of memory; undefined when they are gone. */
  get(output: JobOutput): Promise<Buffer | StoredBytes | undefined> {
    return this.#blobs.get(output);
  }

  /** All bytes of an output at once; undefined when they are gone. */
  whole(output: JobOutput): Promise<Buffer | undefined> {
    return this.#blobs.whole(output);
  }

  /** Nobody waits until the bytes are gone. */
  delete(id: string): void {
    this.#bytes -= this.#sizes.get(id) ?? 0;
    this.#sizes.delete(id);
    this.#onDropped(id);
    this.#blobs.delete(id);
  }
}
