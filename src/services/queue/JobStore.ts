import type { JobStatus } from '../../schemas/jobStatus.js';
import type { Job } from '../jobs/Job.js';

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
 * Stores job records. It holds data and has no rules. Servers may share one. Records are immutable: a store may
 * return the same object again, or an equal one.
 * ¶ Guarantees of an implementation:
 * - After a call has resolved, every server sees its effect.
 * - A call may reject, never settle, or reject although it was executed. The callers handle that (`JobRecords`); so a
 * repeated call must do no harm: an executed `update` or `delete` finds nothing more to do.
 */
export interface JobStore {
  /** Inserts a new record with a new id. */
  insert(job: Job): Promise<void>;
  get(id: string): Promise<Job | undefined>;
  /**
   * Changes a record atomically: compare and set. If another change comes between read and write, the implementation
   * reads again.
   * @param change is pure and may be called several times, each time with the current record. It returns the new
   * record, or undefined to leave it unchanged. If it throws, the record stays unchanged and `update` rejects
   * @returns the new record, or undefined if there was none or it stays unchanged
   */
  update(id: string, change: (job: Job) => Job | undefined): Promise<Job | undefined>;
  /** @returns the record; of several callers, one gets it */
  delete(id: string): Promise<Job | undefined>;
  /** Returns a page of jobs, newest first, and the total number. */
  list(filter: JobFilter, page: { limit: number; offset: number }): Promise<{ jobs: Job[]; total: number }>;
  /** Does not scan the records. */
  counts(): Promise<JobCounts>;
  /** Ids of the jobs that finished at `time` (epoch ms) or before. Does not scan the others. */
  finishedUntil(time: number): Promise<string[]>;
}
