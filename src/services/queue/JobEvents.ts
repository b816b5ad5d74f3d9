import type { FinishedJob, Job } from '../jobs/Job.js';

/** Why a job is removed: it was deleted, or it expired. */
export type RemovalReason = 'deleted' | 'expired';

/** Events about jobs, by kind. */
export interface JobEventKinds {
  /** Every record of a job, in order, including its end. */
  readonly changed: Job;
  /** A job's end, once, after the record was published. */
  readonly finished: FinishedJob;
  /** A job that is removed. */
  readonly removed: { readonly id: string; readonly why: RemovalReason };
  /** A job whose result bytes are gone. */
  readonly resultDropped: { readonly id: string };
}

export type JobEventKind = keyof JobEventKinds;

/**
 * Publishes and subscribes events about jobs. Servers may share one: then each gets the events of all jobs.
 * ¶ Guarantees of an implementation:
 * - Events of one job arrive in the order in which they were published.
 * - A listener that throws is logged; the others are still called.
 * - Followers of a job learn of its end and its removal, also if its record is lost. Other events may be lost during a
 * disconnect: then the implementation reads the records of the followed jobs and publishes them.
 */
export interface JobEvents {
  /**
   * Publishes an event. Listeners of this server have been called when this returns; the others are called as soon as
   * possible. Not awaited; never throws.
   */
  publish<K extends JobEventKind>(kind: K, event: JobEventKinds[K]): void;
  /**
   * Calls `listener` with every event of this kind from now on.
   * @param from 'here': only what this server publishes, for work that one server must do once
   * @returns a function that removes it
   */
  subscribe<K extends JobEventKind>(
    kind: K,
    listener: (event: JobEventKinds[K]) => void,
    from?: 'everywhere' | 'here',
  ): () => void;
  /**
   * Calls `listener` with every record of one job. To miss nothing, follow first, then read the record.
   * @param onRemoved called if the job does not exist any more
   * @returns a function that removes it, as soon as no record can be missed
   */
  follow(id: string, listener: (job: Job) => void, onRemoved?: () => void): Promise<() => void>;
  /** Number of listeners on this server, of every kind. */
  readonly listeners: number;
}
