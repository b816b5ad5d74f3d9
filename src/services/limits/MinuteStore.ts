import type { Store } from 'express-rate-limit';
import type { Clock } from '../../utils/clock.js';

/** Length of a counting window, ms. */
export const MINUTE_MS = 60_000;

interface Minute {
  hits: number;
  /** By the monotonic clock. */
  readonly end: number;
}

/**
 * Counts with a monotonic clock: the library's own store uses the wall clock, so that a clock change of an hour would
 * lock out a busy client for an hour. It also needs no timer.
 */
export class MinuteStore implements Store {
  readonly #clock: Clock;
  readonly #minutes = new Map<string, Minute>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  increment(key: string): { totalHits: number; resetTime: Date } {
    const now = this.#clock.now();
    this.#forgetEnded(now);
    let minute = this.#minutes.get(key);
    if (!minute) {
      minute = { hits: 0, end: now + MINUTE_MS };
      this.#minutes.set(key, minute);
    }
    minute.hits += 1;
    // The library computes the remaining time with the wall clock.
    return { totalHits: minute.hits, resetTime: new Date(Date.now() + minute.end - now) };
  }

  decrement(key: string): void {
    const minute = this.#minutes.get(key);
    if (minute) minute.hits -= 1;
  }

  resetKey(key: string): void {
    this.#minutes.delete(key);
  }

  /** The oldest ones expire first, so this checks at most one that has not expired. */
  #forgetEnded(now: number): void {
    for (const [key, { end }] of this.#minutes) {
      if (end > now) return;
      this.#minutes.delete(key);
    }
  }
}
