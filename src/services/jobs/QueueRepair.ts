import { messageOf } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import { isFinished, type Job } from './Job.js';
import type { JobManager } from './JobManager.js';
import { queueEntry } from './queueEntry.js';
import { handOver } from './transitions.js';

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
 * meanwhile does nothing. A job whose entry was damaged is queued again at once.
 */
export class QueueRepair {
  readonly #manager: JobManager;
  readonly #timings: RepairTimings;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Jobs that were missing in the last check. */
  #missing: ReadonlySet<string> = new Set();
  /** Jobs whose entry was damaged, until they have another one. */
  readonly #lost = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(manager: JobManager, clock: Clock, logger: Logger, timings = REPAIR_TIMINGS) {
    this.#manager = manager;
    this.#clock = clock;
    this.#logger = logger;
    this.#timings = timings;
    manager.queue.onLost?.((id) => {
      this.#lost.add(id);
      void this.#queueLost();
    });
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
    await this.#queueLost();
    try {
      const [{ byStatus }, { jobs }] = await Promise.all([
        this.#manager.counts(),
        this.#manager.queue.size(),
      ]);
      this.#missing = byStatus.pending > jobs ? await this.#look() : new Set();
    } catch (error) {
      this.#onError(error);
    }
  }

  /** Never rejects: the next check repeats what fails. */
  async #queueLost(): Promise<void> {
    for (const id of this.#lost) {
      try {
        await this.#queueAgain(id);
        this.#lost.delete(id);
      } catch (error) {
        this.#onError(error);
      }
    }
  }

  /** A waiting entry belongs to a pending job, or to one whose server is gone. */
  async #queueAgain(id: string): Promise<void> {
    const { queue } = this.#manager;
    if (!(await this.#manager.has(id))) return;
    const job = await this.#manager.get(id);
    const waiting = isFinished(job) ? undefined : handOver(job, this.#clock.now());
    if (waiting) await queue.add(queueEntry(waiting));
  }

  #onError(error: unknown): void {
    this.#logger.debug('The queue could not be compared with the jobs', { error: messageOf(error) });
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
