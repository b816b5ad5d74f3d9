import type { Request, RequestHandler } from 'express';
import { rateLimit, type Store } from 'express-rate-limit';
import { AppError } from '../errors.js';
import type { Clock } from '../utils/clock.js';
import { clientOf } from './authentication.js';

const MINUTE_MS = 60_000;

/**
 * Refuses a client's requests beyond `perMinute`, with the standard headers; counts by key, else by address.
 * @param isFree which requests are neither counted nor refused
 */
export function limitRate(
  perMinute: number,
  clock: Clock,
  isFree: (request: Request) => boolean,
): RequestHandler {
  return rateLimit({
    windowMs: MINUTE_MS,
    limit: perMinute,
    standardHeaders: 'draft-7',
    legacyHeaders: false,
    keyGenerator: (_request, response) => clientOf(response),
    store: new MinuteStore(clock),
    skip: (request) => isFree(request),
    // The one who misconfigured it cannot be told by a log line of another form than ours.
    validate: false,
    handler: (_request, response) => {
      const seconds = Number(response.get('Retry-After') ?? 1);
      throw new AppError('RATE_LIMITED', `More than ${perMinute} requests a minute.`, {
        retryAfterSeconds: Math.max(1, seconds),
      });
    },
  });
}

interface Minute {
  hits: number;
  /** By the clock that only moves forward. */
  readonly end: number;
}

/**
 * Counts by a clock that does not jump: the library's own store goes by the wall clock, so that an hour set back
 * would lock a busy client out for an hour. It needs no timer either.
 */
class MinuteStore implements Store {
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
