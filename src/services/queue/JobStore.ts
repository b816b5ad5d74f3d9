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
 * Where job records live. It holds data and no rules. Servers may share one. Records are never changed in place: a store
 * may give the same object again, or an equal one.
 *
 * What an implementation guarantees:
 * - Once a call resolved, every server sees what it did.
 * - A call may reject, never answer, or reject although it was carried out. The callers deal with that (`JobRecords`); so a call
 *   that is made twice must do no harm: an `update` and a `delete` that were carried out find nothing more to do.
 */
export interface JobStore {
  /** Takes a new record. Its id is new, too. */
  insert(job: Job): Promise<void>;
  get(id: string): Promise<Job | undefined>;
  /**
   * Changes a record in one step: compare and set. Nobody else changes it between the read and the write; where somebody does, the
   * implementation reads again.
   * @param change is pure and may be called several times, each time with the record as it is then. It returns the new record,
   *   or undefined to leave it as it is. When it throws, the record is left and `update` rejects
   * @returns the new record, or undefined when there was none or it was left
   */
  update(id: string, change: (job: Job) => Job | undefined): Promise<Job | undefined>;
  /** @returns the record; of several who delete it, one gets it */
  delete(id: string): Promise<Job | undefined>;
  /** Newest first. */
  list(filter: JobFilter, page: { limit: number; offset: number }): Promise<{ jobs: Job[]; total: number }>;
  /** Answers without a look at each record. */
  counts(): Promise<JobCounts>;
  /** Ids of the jobs that finished at `time` (epoch ms) or before. Answers without a look at the others. */
  finishedUntil(time: number): Promise<string[]>;
}
