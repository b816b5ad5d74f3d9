import { isQueueAway, reasonOf } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';

/** How long jobs must not be taken before this is a problem of its own, ms: most outages are noticed and over by then. */
const PATIENCE_MS = 5000;
/** Minimum interval between two lines in the log, ms. */
const REPEAT_MS = 60_000;

/** Failed attempts to take jobs from the queue. They are repeated several times per second, so not each of them is logged. */
export class TakeFailures {
  readonly #isQueueAvailable: () => boolean;
  readonly #logger: Logger;
  /** `performance.now()` of the first failure since the last success, and of the last line in the log. */
  #since: number | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;

  /** @param isQueueAvailable whether the connection works: it logs its own outages */
  constructor(isQueueAvailable: () => boolean, logger: Logger) {
    this.#isQueueAvailable = isQueueAvailable;
    this.#logger = logger;
  }

  /** Whether no job could be taken for some time, although the queue is available. */
  get isContinuing(): boolean {
    return this.#isLong && this.#isQueueAvailable();
  }

  /** Records a failure. */
  add(error: unknown): void {
    this.#since ??= performance.now();
    // At the beginning of an outage the connection may not know of it.
    if (isQueueAway(error) && !this.isContinuing) return;
    if (performance.now() - this.#toldAt < REPEAT_MS) return;
    this.#toldAt = performance.now();
    this.#logger.error('No job can be taken from the queue', { error: reasonOf(error) });
  }

  /** Records a success. */
  end(): void {
    this.#since = undefined;
  }

  get #isLong(): boolean {
    return this.#since !== undefined && performance.now() - this.#since >= PATIENCE_MS;
  }
}
