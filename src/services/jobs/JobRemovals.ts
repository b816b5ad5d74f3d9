import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import type { JobEvents, RemovalReason } from '../queue/JobEvents.js';
import { type FinishedJob, isFinished, type Job } from './Job.js';
import type { JobChanges } from './JobChanges.js';
import type { JobRecords } from './JobRecords.js';

/** Jobs that are removed in one turn of the event loop. */
const CLEANUP_BATCH = 500;

interface Parts {
  readonly records: JobRecords;
  readonly changes: JobChanges;
  readonly events: JobEvents;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Removes jobs with their results. */
export class JobRemovals {
  readonly #parts: Parts;
  readonly #lifetimeMs: number;
  readonly #cleanUp: (job: Job) => void;
  #beforeDeletion: (job: FinishedJob) => Promise<void> = async () => undefined;
  #beforeExpiry: (ids: readonly string[]) => Promise<ReadonlySet<string>> = async () => new Set();

  /**
   * @param lifetimeMs of finished jobs
   * @param cleanUp called with the last record of a removed job
   */
  constructor(parts: Parts, lifetimeMs: number, cleanUp: (job: Job) => void) {
    this.#parts = parts;
    this.#lifetimeMs = lifetimeMs;
    this.#cleanUp = cleanUp;
  }

  /**
   * Sets what is done before a finished job is deleted on request, not when it expires. If it rejects, the job is kept.
   */
  beforeDeletion(listener: (job: FinishedJob) => Promise<void>): void {
    this.#beforeDeletion = listener;
  }

  /** Sets what is done before jobs expire. It returns the jobs that must stay until the next look. */
  beforeExpiry(listener: (ids: readonly string[]) => Promise<ReadonlySet<string>>): void {
    this.#beforeExpiry = listener;
  }

  /** Removes a finished job, and notifies everyone. */
  async forget(id: string, why: RemovalReason): Promise<void> {
    const { records, changes, events } = this.#parts;
    // Its end is published before its removal.
    await changes.endTold(id);
    const job = await records.get(id);
    if (why === 'deleted' && job && isFinished(job)) await this.#beforeDeletion(job);
    await records.delete(id);
    if (job) this.#cleanUp(job);
    events.publish('removed', { id, why });
  }

  /** Removes expired jobs. @returns how many */
  async forgetExpired(): Promise<number> {
    const { records, clock, logger } = this.#parts;
    let removed = 0;
    const ids = await records.finishedUntil(clock.now() - this.#lifetimeMs);
    for (let n = 0; n < ids.length; n += CLEANUP_BATCH) {
      // Awaiting memory does not yield to other work: many thousands at once would block every request.
      if (n > 0) await nextTurn();
      const batch = ids.slice(n, n + CLEANUP_BATCH);
      const kept = await this.#beforeExpiry(batch);
      const gone = batch.filter((id) => !kept.has(id));
      await Promise.all(gone.map((id) => this.forget(id, 'expired')));
      removed += gone.length;
    }
    if (removed > 0) logger.info('Expired jobs removed', { jobs: removed });
    return removed;
  }
}
