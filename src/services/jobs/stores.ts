import { JOB_STATUSES, type JobStatus } from '../../schemas/jobStatus.js';
import { assignmentOf, isFinished, type Job } from './Job.js';

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
}

/** Job records in this process's memory. */
export class MemoryJobStore implements JobStore {
  /** In order of creation. */
  readonly #jobs = new Map<string, Job>();
  /** Finished jobs and when, in order of finishing. */
  readonly #finished = new Map<string, number>();

  async insert(job: Job): Promise<void> {
    this.#jobs.set(job.id, job);
  }

  async get(id: string): Promise<Job | undefined> {
    return this.#jobs.get(id);
  }

  async update(id: string, change: (job: Job) => Job | undefined): Promise<Job | undefined> {
    const job = this.#jobs.get(id);
    const changed = job && change(job);
    if (!changed) return undefined;
    this.#jobs.set(id, changed);
    if (isFinished(changed)) this.#finished.set(id, changed.finishedTime);
    return changed;
  }

  async delete(id: string): Promise<Job | undefined> {
    const job = this.#jobs.get(id);
    this.#jobs.delete(id);
    this.#finished.delete(id);
    return job;
  }

  async list(
    { status, type, instance, owner }: JobFilter,
    { limit, offset }: { limit: number; offset: number },
  ): Promise<{ jobs: Job[]; total: number }> {
    const matching = [...this.#jobs.values()].filter(
      (job) =>
        (status === undefined || job.status === status) &&
        (owner === undefined || job.request.owner === owner) &&
        (type === undefined || job.request.type === type) &&
        (instance === undefined || assignmentOf(job)?.instance === instance),
    );
    const end = Math.max(0, matching.length - offset);
    const jobs = matching.slice(Math.max(0, end - limit), end).reverse();
    return { jobs, total: matching.length };
  }

  async counts(): Promise<JobCounts> {
    const byStatus = Object.fromEntries(JOB_STATUSES.map((s) => [s, 0])) as Record<JobStatus, number>;
    const byType: Record<string, number> = {};
    const byInstance: Record<string, number> = {};
    for (const job of this.#jobs.values()) {
      byStatus[job.status] += 1;
      byType[job.request.type] = (byType[job.request.type] ?? 0) + 1;
      const instance = assignmentOf(job)?.instance;
      if (instance !== undefined) byInstance[instance] = (byInstance[instance] ?? 0) + 1;
    }
    return { total: this.#jobs.size, byStatus, byType, byInstance };
  }

  async finishedUntil(time: number): Promise<string[]> {
    const ids: string[] = [];
    for (const [id, finishedTime] of this.#finished) {
      if (finishedTime > time) break;
      ids.push(id);
    }
    return ids;
  }
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
}
