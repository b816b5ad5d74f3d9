import { isQueueAway } from '../../errors.js';
import { DeadlineExceeded, settledWithin } from '../../utils/deadline.js';
import { backoffWithJitter, sleep } from '../../utils/timers.js';

export interface StoreTimings {
  /** Timeout of one call, ms. The caller then continues, whatever the outcome of the call. */
  readonly timeoutMs: number;
  /** Attempts of a rejected call before the caller gets the error. */
  readonly attempts: number;
  /** First and longest delay before a failed call is repeated, ms; each delay is about twice the previous one. */
  readonly retryBaseMs: number;
  readonly retryMaxMs: number;
  /** How long the outputs of a machine are kept while the queue or the asset store is unavailable, ms. */
  readonly patienceMs: number;
  /** Minimum interval between writes of a job's progress, ms. */
  readonly progressIntervalMs: number;
}

/** Longest delay before a retry while a caller waits, ms. */
const MAX_WAIT_MS = 1000;

export const STORE_TIMINGS: StoreTimings = {
  timeoutMs: 5000,
  attempts: 3,
  retryBaseMs: 50,
  retryMaxMs: 30_000,
  patienceMs: 600_000,
  progressIntervalMs: 1000,
};

/** Calls to a store that may fail, or not respond for a while. */
export class StoreCalls {
  readonly #timings: StoreTimings;

  constructor(timings: StoreTimings) {
    this.#timings = timings;
  }

  get progressIntervalMs(): number {
    return this.#timings.progressIntervalMs;
  }

  /** How long results that cannot be produced again are kept, ms. */
  get patienceMs(): number {
    return this.#timings.patienceMs;
  }

  /**
   * Makes the call with a timeout.
   * @param onLate called with the result if a call that took too long succeeds after all
   * @throws DeadlineExceeded, or the rejection of the store
   */
  async once<T>(call: () => Promise<T>, onLate?: (answer?: T) => void): Promise<T> {
    const answer = call();
    try {
      return await settledWithin(this.#timings.timeoutMs, answer);
    } catch (error) {
      if (error instanceof DeadlineExceeded && onLate) void answer.then(onLate, () => onLate());
      throw error;
    }
  }

  /**
   * Makes an idempotent call, and repeats it if it is rejected. A call that took too long is not repeated: the caller
   * has waited long enough.
   * @throws like `once`, for the last attempt
   */
  async retried<T>(call: () => Promise<T>, onLate?: (answer?: T) => void): Promise<T> {
    for (let failures = 0; ; failures += 1) {
      try {
        return await this.once(call, onLate);
      } catch (error) {
        if (error instanceof DeadlineExceeded || failures + 1 >= this.#timings.attempts) throw error;
        await sleep(this.backoffMs(failures));
      }
    }
  }

  /**
   * Repeats a call as long as it fails because the queue or the asset store is unavailable: for results that cannot be produced again,
   * and that no open request waits for.
   * @throws the rejection of the call, if the outage lasts too long
   */
  async patiently<T>(call: () => Promise<T>): Promise<T> {
    const until = performance.now() + this.#timings.patienceMs;
    for (let failures = 0; ; failures += 1) {
      try {
        return await call();
      } catch (error) {
        if (!isQueueAway(error) || performance.now() >= until) throw error;
        await this.pause(failures);
      }
    }
  }

  /** Delay before a caller that waits for the store tries again. */
  async pause(failures: number): Promise<void> {
    await sleep(Math.min(MAX_WAIT_MS, this.backoffMs(failures)));
  }

  /** The delay after `failures` failures, ms. */
  backoffMs(failures: number): number {
    return backoffWithJitter(failures, this.#timings.retryBaseMs, this.#timings.retryMaxMs);
  }
}
