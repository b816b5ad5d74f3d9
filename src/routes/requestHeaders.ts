import type { Request } from 'express';
import { invalidParameter } from '../schemas/parse.js';

/** Printable ASCII without spaces at the ends, at most 255 characters. */
const SANE_KEY = /^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/;

/**
 * Returns the idempotency key of a request.
 * @throws AppError `INVALID_PARAMETER`
 */
export function idempotencyKey(request: Request): string | undefined {
  const key = request.get('Idempotency-Key');
  if (key === undefined || SANE_KEY.test(key)) return key;
  throw invalidParameter('Idempotency-Key', 'must have 1 to 255 printable characters');
}

/** Seconds that the client prefers to wait for the result (RFC 7240, `Prefer: wait=N`); undefined if not specified. */
export function waitSeconds(request: Request): number | undefined {
  const preferences = (request.get('Prefer') ?? '').split(',');
  for (const preference of preferences) {
    const seconds = /^\s*wait\s*=\s*"?(\d{1,6})"?\s*(?:;|$)/i.exec(preference)?.[1];
    // The first of several applies; invalid ones are ignored, as the RFC requires.
    if (seconds !== undefined) return Number(seconds);
  }
  return undefined;
}
