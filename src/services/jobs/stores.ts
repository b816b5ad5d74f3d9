import type { Readable } from 'node:stream';
import type { JobStatus } from '../../schemas/jobStatus.js';
import type { AssetPresentation, AssetRange } from '../assets/AssetStore.js';
import type { Job } from './Job.js';

export interface JobFilter {
  readonly status?: JobStatus | undefined;
  readonly type?: string | undefined;
  readonly instance?: string | undefined;
  readonly owner?: string | undefined;
}

export interface JobCounts {
  readonly total: number;
  readonly byStatus: Readonly<Record<JobStatus, number>>;
  readonly byType: Readonly<Record<string, number>>;
  readonly byInstance: Readonly<Record<string, number>>;
}

/**
 * Where job records live. It holds data and no rules; every method is async, so that a store shared by several
 * servers can take this one's place.
 */
export interface JobStore {
  insert(job: Job): Promise<void>;
  get(id: string): Promise<Job | undefined>;
  /**
   * Changes a record in one step: nobody else changes it between the read and the write.
   * @param change returns the new record, or undefined to leave it as it is
   * @returns the new record, or undefined when there was none or it was left
   */
  update(id: string, change: (job: Job) => Job | undefined): Promise<Job | undefined>;
  delete(id: string): Promise<Job | undefined>;
  /** Newest first. */
  list(filter: JobFilter, page: { limit: number; offset: number }): Promise<{ jobs: Job[]; total: number }>;
  counts(): Promise<JobCounts>;
  /** Ids of the jobs that finished at `time` (epoch ms) or before. */
  finishedUntil(time: number): Promise<string[]>;
}

/** Where the bytes of uploads and results live, apart from the records. */
export interface BlobStore {
  put(key: string, bytes: Buffer): Promise<void>;
  get(key: string): Promise<Buffer | undefined>;
  delete(key: string): Promise<void>;
  /** What can be read bit by bit, where the store has such. */
  find?(key: string): StoredBytes | undefined;
}

/** Bytes that lie outside this process: whoever sends them on need not have them all in memory. */
export interface StoredBytes {
  readonly sizeBytes: number;
  /** Begins to read. @returns undefined when they are gone */
  open(range?: AssetRange): Promise<Readable | undefined>;
  /** A signed address that gives them, where the store has such. */
  url(presentation: AssetPresentation): Promise<string | undefined>;
}

/** Bytes in this process's memory. */
export class MemoryBlobStore implements BlobStore {
  readonly #blobs = new Map<string, Buffer>();

  async put(key: string, bytes: Buffer): Promise<void> {
    this.#blobs.set(key, bytes);
  }

  async get(key: string): Promise<Buffer | undefined> {
    return this.#blobs.get(key);
  }

  async delete(key: string): Promise<void> {
    this.#blobs.delete(key);
  }

  /** How many blobs there are, for whoever counts what is left. */
  get size(): number {
    return this.#blobs.size;
  }

  /** Of all blobs, for whoever asks what they are. */
  keys(): IterableIterator<string> {
    return this.#blobs.keys();
  }
}
