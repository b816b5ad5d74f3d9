import { reasonOf } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';
import type { StoreCalls } from './StoreCalls.js';

/**
 * Work in the stores that no caller waits for: writing records, deleting bytes. Failed work is repeated until it succeeds, one
 * after the other, with growing delays.
 */
export class BackgroundWork {
  readonly #calls: StoreCalls;
  readonly #logger: Logger;
  /** Failed work by subject: the same work is there once. */
  readonly #failed = new Map<string, () => Promise<unknown>>();
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(calls: StoreCalls, logger: Logger) {
    this.#calls = calls;
    this.#logger = logger;
  }

  /** Number of pending pieces of work. */
  get size(): number {
    return this.#failed.size;
  }

  /**
   * Starts the work immediately, and repeats it later if it fails. It may run twice.
   * @returns resolves after the first attempt, successful or not; never rejects
   */
  async run(name: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await this.#calls.once(work);
    } catch (error) {
      this.retry(name, work, error);
    }
  }

  /** Repeats the work later, because of an error that the caller had with it. */
  retry(name: string, work: () => Promise<unknown>, because: unknown): void {
    if (this.#failed.size === 0) {
      // Once per outage, not for each affected job.
      this.#logger.error('A store failed, pending work will be retried', {
        work: name,
        error: reasonOf(because),
      });
    }
    this.#failed.set(name, work);
    this.#schedule();
  }

  /** Tries the remaining work one last time, and drops it. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    const left = [...this.#failed.values()];
    this.#failed.clear();
    await Promise.allSettled(left.map((work) => this.#calls.once(work)));
  }

  #schedule(): void {
    if (this.#isStopped) return;
    this.#timer ??= setTimeout(() => void this.#tryAgain(), this.#calls.backoffMs(this.#failures));
  }

  async #tryAgain(): Promise<void> {
    for (const [name, work] of [...this.#failed]) {
      try {
        await this.#calls.once(work);
        if (this.#failed.get(name) === work) this.#failed.delete(name);
      } catch {
        // Others first the next time: work that never succeeds must not block them.
        if (this.#failed.delete(name)) this.#failed.set(name, work);
        break;
      }
    }
    this.#timer = undefined;
    if (this.#failed.size === 0) {
      this.#failures = 0;
      this.#logger.info('The store works again, all pending work is done');
    } else {
      this.#failures += 1;
      this.#schedule();
    }
  }
}
