import type { FinishedJob, Job } from '../jobs/Job.js';

/** Why a job is forgotten: somebody deleted it, or its lifetime is over. */
export type RemovalReason = 'deleted' | 'expired';

/** What is told of jobs, by kind. */
export interface JobEventKinds {
  /** Every record that a job becomes, in order, its end among them. */
  readonly changed: Job;
  /** A job's end, once, after everybody heard the record. */
  readonly finished: FinishedJob;
  /** A job that is forgotten. */
  readonly removed: { readonly id: string; readonly why: RemovalReason };
  /** A job whose result's bytes are gone. */
  readonly resultDropped: { readonly id: string };
}

export type JobEventKind = keyof JobEventKinds;

/**
 * Who wants to hear of jobs. Servers may share one: then each hears of all jobs.
 *
 * What an implementation guarantees:
 * - Events of one job come in the order in which they were published.
 * - A listener that throws is logged; the others hear all the same.
 * - Who follows a job hears of its end. What was told while a connection was down may be lost otherwise: then the
 *   implementation reads the records of the jobs that are followed, and tells those who follow them.
 */
export interface JobEvents {
  /**
   * Tells everybody. Listeners of this server have heard when this returns; the others hear as soon as that is possible.
   * Nobody waits for it, and it never throws.
   */
  publish<K extends JobEventKind>(kind: K, event: JobEventKinds[K]): void;
  /**
   * Calls `listener` with every event of this kind from now on.
   * @param from 'here': only what this server publishes, for what must be done once by one server
   * @returns what ends it
   */
  subscribe<K extends JobEventKind>(
    kind: K,
    listener: (event: JobEventKinds[K]) => void,
    from?: 'everywhere' | 'here',
  ): () => void;
  /**
   * Calls `listener` with every record that one job becomes. To miss nothing, follow first, then read the record.
   * @returns what ends it, once no record is missed any more
   */
  follow(id: string, listener: (job: Job) => void): Promise<() => void>;
  /** How many listeners there are of this server, of every kind. */
  readonly listeners: number;
}
