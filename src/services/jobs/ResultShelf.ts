import { type Content, sizeOf } from '../../utils/StoredFile.js';
import type { StoredBytes } from './BlobStore.js';
import type { Job, JobOutput } from './Job.js';
import type { JobBlobs } from './JobBlobs.js';

/** An output in the store, or something that is kept elsewhere and only counted. */
interface Shelved {
  readonly bytes: number;
  readonly key: string | undefined;
  /** Deletes what is kept elsewhere. */
  readonly drop?: () => void;
}

/** What is kept elsewhere in memory. */
export interface KeptBeside {
  /** Bytes; 0 for nothing. */
  readonly size: number;
  drop(): void;
}

/** The kinds of what is kept elsewhere. */
export type Beside = 'graph' | 'prompt';

/** No output has such a name. */
const nameOf = (kind: Beside) => ` ${kind}`;

export interface ShelfFigures {
  /** Size of all stored outputs, if they are in memory, and of what is kept beside them. */
  readonly bytes: number;
  readonly maxBytes: number;
  /** Number of jobs whose outputs were deleted early to make room; 0 if outputs are not in memory. */
  readonly dropped: number;
}

/**
 * Stores the outputs of jobs, and counts what is kept beside them, up to a limit. What is counted for the job that stored
 * nothing for longest is deleted first, all at once. Outputs outside of memory do not count, and stay.
 */
export class ResultShelf {
  readonly #blobs: JobBlobs;
  readonly #maxBytes: number;
  readonly #isInMemory: boolean;
  readonly #onDropped: (id: string) => void;
  /** By job id, the one that stored something last at the end, then by name. */
  readonly #shelved = new Map<string, Map<string, Shelved>>();
  #bytes = 0;
  #dropped = 0;

  /**
   * @param limits bytes, and whether outputs count
   * @param onDropped called with the id of each job whose outputs are deleted, for any reason
   */
  constructor(
    blobs: JobBlobs,
    { maxBytes, isInMemory }: { maxBytes: number; isInMemory: boolean },
    onDropped: (id: string) => void,
  ) {
    this.#blobs = blobs;
    this.#maxBytes = maxBytes;
    this.#isInMemory = isInMemory;
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
    if (this.#isInMemory) this.#shelve(id, name, { bytes: sizeOf(content), key });
    return key;
  }

  /** Whether an output that was put has not been deleted to make room. */
  holds(id: string, name: string): boolean {
    return !this.#isInMemory || this.#shelved.get(id)?.has(name) === true;
  }

  /** Counts what is kept elsewhere in memory for a job, and drops it with its outputs. */
  keepBeside(id: string, kind: Beside, kept: KeptBeside): void {
    const name = nameOf(kind);
    if (kept.size === 0) this.#remove(id, [name]);
    else this.#shelve(id, name, { bytes: kept.size, key: undefined, drop: () => kept.drop() });
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
    this.#takeOff(job.id);
    this.#onDropped(job.id);
    this.#blobs.delete(job);
  }

  /** Deletes outputs that no record names. @param keys by name, from `put` */
  withdraw(id: string, keys: ReadonlyMap<string, string>): void {
    this.#remove(id, keys.keys());
    this.#blobs.deleteAll(id, keys);
  }

  #remove(id: string, names: Iterable<string>): void {
    const ofJob = this.#shelved.get(id);
    for (const name of names) {
      this.#bytes -= ofJob?.get(name)?.bytes ?? 0;
      ofJob?.delete(name);
    }
    if (ofJob?.size === 0) this.#shelved.delete(id);
  }

  #shelve(id: string, name: string, shelved: Shelved): void {
    const ofJob = this.#shelved.get(id) ?? new Map<string, Shelved>();
    this.#bytes += shelved.bytes - (ofJob.get(name)?.bytes ?? 0);
    this.#shelved.delete(id);
    this.#shelved.set(id, ofJob.set(name, shelved));
    for (const [oldest, outputs] of this.#shelved) {
      // The newest one stays, whatever its size: its client waits for it.
      if (this.#bytes <= this.#maxBytes || oldest === id) break;
      this.#takeOff(oldest);
      const keys = [...outputs].flatMap(([one, { key }]) => (key === undefined ? [] : [[one, key] as const]));
      // What was kept beside the outputs is no result.
      if (keys.length === 0) continue;
      this.#dropped += 1;
      this.#onDropped(oldest);
      this.#blobs.deleteAll(oldest, new Map(keys));
    }
  }

  /** Ends the count of a job. */
  #takeOff(id: string): void {
    const outputs = [...(this.#shelved.get(id)?.values() ?? [])];
    this.#shelved.delete(id);
    for (const { bytes, drop } of outputs) {
      this.#bytes -= bytes;
      drop?.();
    }
  }
}
