import type { BlobStore } from '../../src/services/jobs/BlobStore.js';
import { MemoryBlobStore } from '../../src/services/jobs/BlobStore.js';
import type { Job } from '../../src/services/jobs/Job.js';
import type { JobFilter, JobStore } from '../../src/services/queue/JobStore.js';
import { MemoryJobStore } from '../../src/services/queue/memory/MemoryJobStore.js';

export const STORE_METHODS = [
  'jobs.insert',
  'jobs.get',
  'jobs.update',
  'jobs.delete',
  'jobs.list',
  'jobs.counts',
  'jobs.finishedUntil',
  'blobs.put',
  'blobs.get',
  'blobs.delete',
] as const;

export type StoreMethod = (typeof STORE_METHODS)[number];

/** What happens to a call: it is rejected, it succeeds but its response is lost, or its response is late. */
type Trouble = { readonly kind: 'refused' | 'lost' } | { readonly kind: 'late'; readonly ms: number };

/** Stores in memory whose calls fail as a test decides. */
export class UnreliableStores {
  readonly records = new MemoryJobStore();
  readonly bytes = new MemoryBlobStore();
  readonly jobs: JobStore;
  readonly blobs: BlobStore;
  readonly #calls = new Map<StoreMethod, number>();
  /** Decides what happens to each call, by its number from 1. */
  trouble: (method: StoreMethod, call: number) => Trouble | undefined = () => undefined;

  constructor() {
    const { records, bytes } = this;
    this.jobs = {
      insert: (job) => this.#call('jobs.insert', () => records.insert(job)),
      get: (id) => this.#call('jobs.get', () => records.get(id)),
      update: (id: string, change: (job: Job) => Job | undefined) =>
        this.#call('jobs.update', () => records.update(id, change)),
      delete: (id) => this.#call('jobs.delete', () => records.delete(id)),
      list: (filter: JobFilter, page) => this.#call('jobs.list', () => records.list(filter, page)),
      counts: () => this.#call('jobs.counts', () => records.counts()),
      finishedUntil: (time) => this.#call('jobs.finishedUntil', () => records.finishedUntil(time)),
    };
    this.blobs = {
      put: (name, content) => this.#call('blobs.put', () => bytes.put(name, content)),
      get: (key) => this.#call('blobs.get', () => bytes.get(key)),
      delete: (name) => this.#call('blobs.delete', () => bytes.delete(name)),
    };
  }

  /** The number of calls of a method. */
  calls(method: StoreMethod): number {
    return this.#calls.get(method) ?? 0;
  }

  async #call<T>(method: StoreMethod, work: () => Promise<T>): Promise<T> {
    const call = this.calls(method) + 1;
    this.#calls.set(method, call);
    const trouble = this.trouble(method, call);
    if (trouble?.kind === 'late') await new Promise((resolve) => setTimeout(resolve, trouble.ms));
    if (trouble?.kind === 'refused') throw new Error(`${method} was refused`);
    const answer = await work();
    if (trouble?.kind === 'lost') throw new Error(`the answer of ${method} was lost`);
    return answer;
  }
}
