import type { Store } from 'express-rate-limit';
import type { Clock } from '../../utils/clock.js';

/** What requests are counted in, ms. */
export const MINUTE_MS = 60_000;

interface Minute {
  hits: number;
  /** By the clock that only moves forward. */
  readonly end: number;
}

/**
 * Counts by a clock that does not jump: the library's own store goes by the wall clock, so that an hour set back
 * would lock a busy client out for an hour. It needs no timer either.
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
    // The library counts the time left from the wall clock's time.
    return { totalHits: minute.hits, resetTime: new Date(Date.now() + minute.end - now) };
  }

  decrement(key: string): void {
    const minute = this.#minutes.get(key);
    if (minute) minute.hits -= 1;
  }

  resetKey(key: string): void {
    this.#minutes.delete(key);
  }

  /** The first ones that came end first, so this looks at no more than one that goes on. */
  #forgetEnded(now: number): void {
    for (const [key, { end }] of this.#minutes) {
      if (end > now) return;
      this.#minutes.delete(key);
    }
  }
}
