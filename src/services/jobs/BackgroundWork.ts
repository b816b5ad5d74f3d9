import { messageOf } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';
import type { StoreCalls } from './StoreCalls.js';

/**
 * What must be done in the stores but nobody waits for: records to be written, bytes to be deleted. What fails is
 * done again until it works, one after the other, less and less often while it does not.
 */
export class BackgroundWork {
  readonly #calls: StoreCalls;
  readonly #logger: Logger;
  /** What failed, by what it is about: the same thing is there once. */
  readonly #failed = new Map<string, () => Promise<unknown>>();
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(calls: StoreCalls, logger: Logger) {
    this.#calls = calls;
    this.#logger = logger;
  }

  /** How much is still to be done. */
  get size(): number {
    return this.#failed.size;
  }

  /**
   * Begins the work at once, and again later if it fails. It may be done twice.
   * @returns resolves after the first attempt, however that went; never rejects
   */
  async run(name: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await this.#calls.once(work);
    } catch (error) {
      this.retry(name, work, error);
    }
  }

  /** Does the work again later, because of an error that the caller has had with it. */
  retry(name: string, work: () => Promise<unknown>, because: unknown): void {
    if (this.#failed.size === 0) {
      // Once for an outage, not for each of the jobs that it concerns.
      this.#logger.error('A store failed, pending work will be retried', {
        work: name,
        error: messageOf(because),
      });
    }
    this.#failed.set(name, work);
    this.#schedule();
  }

  /** Tries a last time what is left, and forgets it. */
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
        // Others first the next time: what never works must not keep them from it.
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
