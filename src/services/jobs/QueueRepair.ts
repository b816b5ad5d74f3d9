import { messageOf } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import type { Job } from './Job.js';
import type { JobManager } from './JobManager.js';
import { queueEntry } from './queueEntry.js';

/** Records per read. */
const PAGE = 500;

interface RepairTimings {
  /** Interval of the check, ms. */
  readonly intervalMs: number;
  /** Younger jobs may be on their way into the queue, ms. */
  readonly minAgeMs: number;
}

const REPAIR_TIMINGS: RepairTimings = { intervalMs: 60_000, minAgeMs: 30_000 };

/**
 * Queues pending jobs that are not in the queue: their server died after it wrote the record. Records are
 * authoritative, and a job that is missing in two consecutive checks is added. Adding one that a server has taken
 * meanwhile does nothing.
 */
export class QueueRepair {
  readonly #manager: JobManager;
  readonly #timings: RepairTimings;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Jobs that were missing in the last check. */
  #missing: ReadonlySet<string> = new Set();
  #timer: NodeJS.Timeout | undefined;

  constructor(manager: JobManager, clock: Clock, logger: Logger, timings = REPAIR_TIMINGS) {
    this.#manager = manager;
    this.#clock = clock;
    this.#logger = logger;
    this.#timings = timings;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.run(), this.#timings.intervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** One check. Never rejects: if the queue or the store is unavailable, there is another one later. */
  async run(): Promise<void> {
    try {
      const [{ byStatus }, { jobs }] = await Promise.all([
        this.#manager.counts(),
        this.#manager.queue.size(),
      ]);
      this.#missing = byStatus.pending > jobs ? await this.#look() : new Set();
    } catch (error) {
      this.#logger.debug('The queue could not be compared with the jobs', { error: messageOf(error) });
    }
  }

  /** @returns the jobs that are missing for the first time */
  async #look(): Promise<ReadonlySet<string>> {
    const missing = new Set<string>();
    for (let offset = 0; ; offset += PAGE) {
      const { jobs } = await this.#manager.list({ status: 'pending' }, { limit: PAGE, offset });
      for (const job of jobs) if (await this.#isMissing(job)) missing.add(job.id);
      if (jobs.length < PAGE) return missing;
    }
  }

  async #isMissing(job: Job): Promise<boolean> {
    const { queue } = this.#manager;
    if (job.status !== 'pending') return false;
    if (this.#clock.now() - job.updatedTime < this.#timings.minAgeMs) return false;
    if ((await queue.position(job.id)) > 0) return false;
    if (!this.#missing.has(job.id)) return true;
    await queue.add(queueEntry(job));
    this.#logger.warn('A job was missing from the queue', { jobId: job.id });
    return false;
  }
}
