import type { RequestHandler } from 'express';
import { AppError } from '../errors.js';
import { callerOf } from './authentication.js';

const RETRY_AFTER_SECONDS = 1;

/** Refuses a client that has `max` requests open already; counts by key, else by address. */
export function limitOpenRequests(max: number): RequestHandler {
  const open = new Map<string, number>();
  return (_request, response, next) => {
    const { id } = callerOf(response);
    const count = open.get(id) ?? 0;
    if (count >= max) {
      throw new AppError('RATE_LIMITED', `More than ${max} requests are open at the same time.`, {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    }
    open.set(id, count + 1);
    response.once('close', () => {
      const left = (open.get(id) ?? 1) - 1;
      if (left > 0) open.set(id, left);
      else open.delete(id);
    });
    next();
  };
}
