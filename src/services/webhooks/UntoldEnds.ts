import { AppError, messageOf } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';
import { type FinishedJob, isFinished } from '../jobs/Job.js';
import type { JobManager } from '../jobs/JobManager.js';
import type { DeliveryStore } from './DeliveryStore.js';

/**
 * How often the end of an expired job may fail for another reason than an outage. Then the job goes without its webhook:
 * it would stay forever.
 */
const MAX_LAST_FAILURES = 3;

interface Parts {
  readonly manager: JobManager;
  readonly store: DeliveryStore;
  readonly logger: Logger;
}

/**
 * Finds the ends of jobs without a delivery: their server died, or could not reach the store, after the record was
 * written. Those found by two consecutive checks are sent, because during the first check a server may just be storing
 * the delivery.
 */
export class UntoldEnds {
  readonly #parts: Parts;
  readonly #intervalMs: number;
  readonly #tell: (job: FinishedJob) => Promise<void>;
  #found: ReadonlySet<string> = new Set();
  /** Failures of the ends of expired jobs, by job. */
  readonly #lastFailures = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param intervalMs between two checks
   * @param tell sends the end of a job; rejects with the rejection of the store
   */
  constructor(parts: Parts, intervalMs: number, tell: (job: FinishedJob) => Promise<void>) {
    this.#parts = parts;
    this.#intervalMs = intervalMs;
    this.#tell = tell;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.#run(), this.#intervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /**
   * Sends the ends of jobs that are about to expire: later nobody could.
   * @returns the jobs whose end could not be stored for delivery, and is tried again
   * @throws the rejection of the store
   */
  async tellLast(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const failed = new Set<string>();
    for (const id of await this.#parts.store.untold(ids)) {
      try {
        await this.#tellOne(id, 'Sending the webhook of a job that expires');
        this.#lastFailures.delete(id);
      } catch (error) {
        if (this.#mayRetry(id, error)) failed.add(id);
      }
    }
    return failed;
  }

  /** Whether the end of an expired job is tried again after this error. */
  #mayRetry(jobId: string, error: unknown): boolean {
    const isOutage = error instanceof AppError && error.code === 'QUEUE_UNAVAILABLE';
    const failures = (this.#lastFailures.get(jobId) ?? 0) + (isOutage ? 0 : 1);
    const fields = { jobId, error: messageOf(error) };
    if (failures >= MAX_LAST_FAILURES) {
      this.#lastFailures.delete(jobId);
      this.#parts.logger.warn('A job expires without its webhook', fields);
      return false;
    }
    if (!isOutage) this.#lastFailures.set(jobId, failures);
    this.#parts.logger.debug('The webhook of a job could not be stored yet', fields);
    return true;
  }

  /** Runs one check. Never rejects: the next check repeats it. */
  async #run(): Promise<void> {
    try {
      const untold = await this.#parts.store.untold();
      const again = untold.filter((id) => this.#found.has(id));
      this.#found = new Set(untold);
      // One that fails must not delay the others.
      for (const id of again)
        await this.#tellOne(id, 'Sending the webhook of a job whose server is gone').catch(this.#onError);
    } catch (error) {
      this.#onError(error);
    }
  }

  readonly #onError = (error: unknown): void => {
    this.#parts.logger.debug('Finished jobs without a webhook could not be looked up', {
      error: messageOf(error),
    });
  };

  /** @param what for the log */
  async #tellOne(id: string, what: string): Promise<void> {
    const { manager, logger } = this.#parts;
    if (!(await manager.has(id))) return;
    const job = await manager.get(id);
    if (!isFinished(job)) return;
    await this.#tell(job);
    logger.info(what, { jobId: id });
  }
}
