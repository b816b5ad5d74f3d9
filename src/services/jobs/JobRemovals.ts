import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import type { JobEvents, RemovalReason } from '../queue/JobEvents.js';
import type { Job } from './Job.js';
import type { JobChanges } from './JobChanges.js';
import type { JobRecords } from './JobRecords.js';

/** Jobs that are forgotten in one turn of the event loop. */
const CLEANUP_BATCH = 500;

interface Parts {
  readonly records: JobRecords;
  readonly changes: JobChanges;
  readonly events: JobEvents;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Forgets jobs, together with what they made. */
export class JobRemovals {
  readonly #parts: Parts;
  readonly #lifetimeMs: number;
  readonly #cleanUp: (job: Job) => void;

  /**
   * @param lifetimeMs of finished jobs
   * @param cleanUp called with the last record of a job, once that is gone
   */
  constructor(parts: Parts, lifetimeMs: number, cleanUp: (job: Job) => void) {
    this.#parts = parts;
    this.#lifetimeMs = lifetimeMs;
    this.#cleanUp = cleanUp;
  }

  /** Forgets a job that is finished, and tells everyone. */
  async forget(id: string, why: RemovalReason): Promise<void> {
    const { records, changes, events } = this.#parts;
    // Who hears of a job that is forgotten has heard of its end.
    await changes.endTold(id);
    const job = await records.get(id);
    await records.delete(id);
    if (job) this.#cleanUp(job);
    events.publish('removed', { id, why });
  }

  /** Forgets the finished jobs whose lifetime is over. @returns how many */
  async forgetExpired(): Promise<number> {
    const { records, clock, logger } = this.#parts;
    const ids = await records.finishedUntil(clock.now() - this.#lifetimeMs);
    for (let n = 0; n < ids.length; n += CLEANUP_BATCH) {
      // Awaiting what is in memory lets nobody else run: many thousands at once would hold up every request.
      if (n > 0) await nextTurn();
      const batch = ids.slice(n, n + CLEANUP_BATCH);
      await Promise.all(batch.map((id) => this.forget(id, 'expired')));
    }
    if (ids.length > 0) logger.info('Expired jobs removed', { jobs: ids.length });
    return ids.length;
  }
}
