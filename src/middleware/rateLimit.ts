import type { Request, RequestHandler } from 'express';
import { rateLimit, type Store } from 'express-rate-limit';
import { AppError } from '../errors.js';
import { MINUTE_MS } from '../services/limits/MinuteStore.js';
import { clientOf } from './authentication.js';

/**
 * Rejects a client's requests beyond `perMinute`, with the standard headers. Counts by key, otherwise by address.
 * @param store counts per minute
 * @param isFree requests that are neither counted nor rejected
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
    // The library would log its warnings in another format.
    validate: false,
    handler: (_request, response) => {
      const seconds = Number(response.get('Retry-After') ?? 1);
      throw new AppError('RATE_LIMITED', `More than ${perMinute} requests per minute.`, {
        retryAfterSeconds: Math.max(1, seconds),
      });
    },
  });
}
