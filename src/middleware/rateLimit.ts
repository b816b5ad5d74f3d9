import type { Request, RequestHandler } from 'express';
import { rateLimit, type Store } from 'express-rate-limit';
import { AppError } from '../errors.js';
import { MINUTE_MS } from '../services/limits/MinuteStore.js';
import { clientOf } from './authentication.js';

/**
 * Refuses a client's requests beyond `perMinute`, with the standard headers; counts by key, else by address.
 * @param store counts in minutes
 * @param isFree which requests are neither counted nor refused
 */
export function limitRate(
  perMinute: number,
  store: Store,
  isFree: (request: Request) => boolean,
): RequestHandler {
  return rateLimit({
    windowMs: MINUTE_MS,
    limit: perMinute,
    standardHeaders: 'draft-7',
    legacyHeaders: false,
    keyGenerator: (_request, response) => clientOf(response),
    store,
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
