import { messageOf } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';
import { type FinishedJob, isFinished } from '../jobs/Job.js';
import type { JobManager } from '../jobs/JobManager.js';
import type { DeliveryStore } from './DeliveryStore.js';

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
   * @returns the jobs whose end could not be stored for delivery
   * @throws the rejection of the store
   */
  async tellLast(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const failed = new Set<string>();
    for (const id of await this.#parts.store.untold(ids)) {
      try {
        await this.#tellOne(id);
      } catch (error) {
        failed.add(id);
        this.#parts.logger.debug('The webhook of a job could not be stored yet', {
          jobId: id,
          error: messageOf(error),
        });
      }
    }
    return failed;
  }

  /** Runs one check. Never rejects: the next check repeats it. */
  async #run(): Promise<void> {
    try {
      const untold = await this.#parts.store.untold();
      const again = untold.filter((id) => this.#found.has(id));
      this.#found = new Set(untold);
      // One that fails must not delay the others.
      for (const id of again) await this.#tellOne(id).catch(this.#onError);
    } catch (error) {
      this.#onError(error);
    }
  }

  readonly #onError = (error: unknown): void => {
    this.#parts.logger.debug('Finished jobs without a webhook could not be looked up', {
      error: messageOf(error),
    });
  };

  async #tellOne(id: string): Promise<void> {
    const { manager, logger } = this.#parts;
    if (!(await manager.has(id))) return;
    const job = await manager.get(id);
    if (!isFinished(job)) return;
    await this.#tell(job);
    logger.info('Sending the webhook of a job whose server is gone', { jobId: id });
  }
}
