import { isQueueAway } from '../../errors.js';
import { DeadlineExceeded, settledWithin } from '../../utils/deadline.js';
import { backoffWithJitter, sleep } from '../../utils/timers.js';

export interface StoreTimings {
  /** How long one call may take, ms. The caller goes on then, whatever becomes of the call. */
  readonly timeoutMs: number;
  /** How often a call that is rejected is made before somebody hears of it. */
  readonly attempts: number;
  /** First and longest wait before a failed call is made again, ms; each one is about twice the one before. */
  readonly retryBaseMs: number;
  readonly retryMaxMs: number;
  /** How long what a machine made is kept for a queue that is not available, ms. */
  readonly patienceMs: number;
  /** At most how often the store is told of the progress of a job, ms. */
  readonly progressIntervalMs: number;
}

/** Longest wait before what somebody waits for is tried again, ms. */
const MAX_WAIT_MS = 1000;

export const STORE_TIMINGS: StoreTimings = {
  timeoutMs: 5000,
  attempts: 3,
  retryBaseMs: 50,
  retryMaxMs: 30_000,
  patienceMs: 600_000,
  progressIntervalMs: 1000,
};

/** Calls to a store that may fail, or not answer for a while. */
export class StoreCalls {
  readonly #timings: StoreTimings;

  constructor(timings: StoreTimings) {
    this.#timings = timings;
  }

  get progressIntervalMs(): number {
    return this.#timings.progressIntervalMs;
  }

  /**
   * Makes the call, with a limit to its time.
   * @param onLate called when a call that took too long is answered after all: with the answer, unless it is a rejection
   * @throws DeadlineExceeded, or what the store rejects with
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
   * Makes a call that does no harm a second time, again if it is rejected. One that took too long is not made
   * again: whoever waits has waited long enough.
   * @throws as `once`, for the last attempt
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
   * Makes a call again for as long as it fails because the queue is not available: for what cannot be made anew, and
   * nobody waits for with an open request.
   * @throws as the call, when the queue does not come back for too long
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

  /** Before somebody who waits for the store tries again. */
  async pause(failures: number): Promise<void> {
    await sleep(Math.min(MAX_WAIT_MS, this.backoffMs(failures)));
  }

  /** The wait after so many failures, ms. */
  backoffMs(failures: number): number {
    return backoffWithJitter(failures, this.#timings.retryBaseMs, this.#timings.retryMaxMs);
  }
}
