import type { JobStatus } from '../../schemas/jobStatus.js';
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
