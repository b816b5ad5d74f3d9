import { messageOf } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';
import type { Job } from './Job.js';
import type { JobManager } from './JobManager.js';
import { queueEntry } from './queueEntry.js';

/** Records that are read at once. */
const PAGE = 500;

interface RepairTimings {
  /** Between two looks, ms. */
  readonly intervalMs: number;
  /** Younger jobs may be on their way into the queue, ms. */
  readonly minAgeMs: number;
}

const REPAIR_TIMINGS: RepairTimings = { intervalMs: 60_000, minAgeMs: 30_000 };

/**
 * Puts jobs into the queue that wait and are not in it: their server died after it wrote the record. Records are the
 * truth, and a job that two looks find missing is added. To add one that a server has taken meanwhile does nothing.
 */
export class QueueRepair {
  readonly #manager: JobManager;
  readonly #timings: RepairTimings;
  readonly #logger: Logger;
  /** Jobs that the last look found missing. */
  #missing: ReadonlySet<string> = new Set();
  #timer: NodeJS.Timeout | undefined;

  constructor(manager: JobManager, logger: Logger, timings = REPAIR_TIMINGS) {
    this.#manager = manager;
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

  /** One look. Never rejects: while the queue or the store is away there is another one later. */
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
    if (job.status !== 'pending' || Date.now() - job.updatedTime < this.#timings.minAgeMs) return false;
    if ((await queue.position(job.id)) > 0) return false;
    if (!this.#missing.has(job.id)) return true;
    await queue.add(queueEntry(job));
    this.#logger.warn('A job was missing from the queue', { jobId: job.id });
    return false;
  }
}
