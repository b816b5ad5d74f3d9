import { type Content, sizeOf } from '../../utils/StoredFile.js';
import type { StoredBytes } from './BlobStore.js';
import type { Job, JobOutput } from './Job.js';
import type { JobBlobs } from './JobBlobs.js';

/** The outputs of one job. */
interface Shelved {
  readonly bytes: number;
  readonly keys: ReadonlyMap<string, string>;
}

export interface ShelfFigures {
  /** Size of all stored outputs. */
  readonly bytes: number;
  /** Infinity if there is no limit. */
  readonly maxBytes: number;
  /** Number of jobs whose outputs were deleted early to make room. */
  readonly dropped: number;
}

/** Stores the outputs of jobs, up to a limit: the oldest job's outputs are deleted first, all of them at once. */
export class ResultShelf {
  readonly #blobs: JobBlobs;
  readonly #maxBytes: number;
  readonly #onDropped: (id: string) => void;
  /** By job id, oldest first. Empty if there is no limit. */
  readonly #shelved = new Map<string, Shelved>();
  #bytes = 0;
  #dropped = 0;

  /** @param onDropped called with the id of each job whose outputs are deleted, for any reason */
  constructor(blobs: JobBlobs, maxBytes: number, onDropped: (id: string) => void) {
    this.#blobs = blobs;
    this.#maxBytes = maxBytes;
    this.#onDropped = onDropped;
  }

  get figures(): ShelfFigures {
    return { bytes: this.#bytes, maxBytes: this.#maxBytes, dropped: this.#dropped };
  }

  /**
   * @returns the keys of the outputs, by number
   * @throws the rejection of the store; nothing is left then
   */
  async put(id: string, outputs: readonly Content[]): Promise<ReadonlyMap<string, string>> {
    const bytes = outputs.reduce((sum, content) => sum + sizeOf(content), 0);
    const contents = new Map(outputs.map((content, index) => [String(index), content]));
    const keys = await this.#blobs.put(id, contents);
    if (Number.isFinite(this.#maxBytes)) this.#shelve(id, { bytes, keys });
    return keys;
  }

  /** The bytes of an output, or the file outside of memory; undefined if they are gone. */
  get(output: JobOutput): Promise<Buffer | StoredBytes | undefined> {
    return this.#blobs.get(output);
  }

  /** All bytes of an output at once; undefined if they are gone. */
  whole(output: JobOutput): Promise<Buffer | undefined> {
    return this.#blobs.whole(output);
  }

  /** Deletes the outputs named in a job's record. Not awaited. */
  delete(job: Job): void {
    this.#forget(job.id);
    this.#blobs.delete(job);
  }

  /** Deletes outputs that no record names. @param keys from `put` */
  drop(id: string, keys: ReadonlyMap<string, string>): void {
    this.#forget(id);
    this.#blobs.deleteAll(id, keys);
  }

  #shelve(id: string, shelved: Shelved): void {
    this.#shelved.set(id, shelved);
    this.#bytes += shelved.bytes;
    for (const [oldest, { keys }] of this.#shelved) {
      // The newest one stays, whatever its size: its client waits for it.
      if (this.#bytes <= this.#maxBytes || oldest === id) break;
      this.#dropped += 1;
      this.drop(oldest, keys);
    }
  }

  #forget(id: string): void {
    this.#bytes -= this.#shelved.get(id)?.bytes ?? 0;
    this.#shelved.delete(id);
    this.#onDropped(id);
  }
}
