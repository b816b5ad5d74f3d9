import { type Content, sizeOf } from '../../utils/StoredFile.js';
import type { StoredBytes } from './BlobStore.js';
import type { Job, JobOutput } from './Job.js';
import type { JobBlobs } from './JobBlobs.js';

/** An output in the store. */
interface Shelved {
  readonly bytes: number;
  readonly key: string;
}

export interface ShelfFigures {
  /** Size of all stored outputs. */
  readonly bytes: number;
  /** Infinity if there is no limit. */
  readonly maxBytes: number;
  /** Number of jobs whose outputs were deleted early to make room. */
  readonly dropped: number;
}

/** Stores the outputs of jobs, up to a limit: those of the job that stored none for longest are deleted first, all at once. */
export class ResultShelf {
  readonly #blobs: JobBlobs;
  readonly #maxBytes: number;
  readonly #onDropped: (id: string) => void;
  /** By job id, the one that stored something last at the end, then by name. Empty if there is no limit. */
  readonly #shelved = new Map<string, Map<string, Shelved>>();
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
   * @param name unique among the outputs of the job
   * @returns the key of the output
   * @throws the rejection of the store; nothing is left of the output then
   */
  async put(id: string, name: string, content: Content): Promise<string> {
    const keys = await this.#blobs.put(id, new Map([[name, content]]));
    const key = keys.get(name) ?? name;
    if (Number.isFinite(this.#maxBytes)) this.#shelve(id, name, { bytes: sizeOf(content), key });
    return key;
  }

  /** Whether an output that was put has not been deleted to make room. */
  holds(id: string, name: string): boolean {
    return !Number.isFinite(this.#maxBytes) || this.#shelved.get(id)?.has(name) === true;
  }

  /** The bytes of an output, or the file outside of memory; undefined if they are gone. */
  get(output: JobOutput): Promise<Buffer | StoredBytes | undefined> {
    return this.#blobs.get(output);
  }

  /** All bytes of an output at once; undefined if they are gone. */
  whole(output: JobOutput): Promise<Buffer | undefined> {
    return this.#blobs.whole(output);
  }

  /** Whether two outputs have the same bytes. */
  async areSame(one: JobOutput, other: JobOutput): Promise<boolean> {
    if (one.sizeBytes !== other.sizeBytes) return false;
    const [a, b] = await Promise.all([this.get(one), this.get(other)]);
    if (!a || !b) return false;
    // The key of a stored file is the hash of its bytes.
    return Buffer.isBuffer(a) ? Buffer.isBuffer(b) && a.equals(b) : !Buffer.isBuffer(b) && a.key === b.key;
  }

  /** Deletes the outputs named in a job's record. Not awaited. */
  delete(job: Job): void {
    this.#forget(job.id);
    this.#blobs.delete(job);
  }

  /** Deletes outputs that no record names. @param keys by name, from `put` */
  withdraw(id: string, keys: ReadonlyMap<string, string>): void {
    const ofJob = this.#shelved.get(id);
    for (const name of keys.keys()) {
      this.#bytes -= ofJob?.get(name)?.bytes ?? 0;
      ofJob?.delete(name);
    }
    if (ofJob?.size === 0) this.#shelved.delete(id);
    this.#blobs.deleteAll(id, keys);
  }

  #shelve(id: string, name: string, shelved: Shelved): void {
    const ofJob = this.#shelved.get(id) ?? new Map<string, Shelved>();
    this.#bytes += shelved.bytes - (ofJob.get(name)?.bytes ?? 0);
    this.#shelved.delete(id);
    this.#shelved.set(id, ofJob.set(name, shelved));
    for (const [oldest, outputs] of this.#shelved) {
      // The newest one stays, whatever its size: its client waits for it.
      if (this.#bytes <= this.#maxBytes || oldest === id) break;
      this.#dropped += 1;
      this.#forget(oldest);
      this.#blobs.deleteAll(oldest, new Map([...outputs].map(([one, { key }]) => [one, key])));
    }
  }

  #forget(id: string): void {
    for (const { bytes } of this.#shelved.get(id)?.values() ?? []) this.#bytes -= bytes;
    this.#shelved.delete(id);
    this.#onDropped(id);
  }
}
