import type { z } from 'zod';
import { AppError } from '../errors.js';

/**
 * Reads parameters by their schema; unknown names are ignored.
 * @throws AppError `INVALID_PARAMETER` that names the first bad one and what it takes
 */
export function parseParameters<T extends z.ZodType>(schema: T, given: Record<string, unknown>): z.output<T> {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const name = String(issue?.path[0] ?? 'parameter');
  const value = given[name];
  const takes = Array.isArray(value) ? 'takes one value' : (issue?.message ?? 'is not valid');
  throw invalidParameter(name, takes, `, but was ${JSON.stringify(value)?.slice(0, 100)}`);
}

/**
 * A parameter or header that is not what it must be.
 * @param takes such as `takes true or false`
 * @param was what it was, for the message
 */
export function invalidParameter(name: string, takes: string, was = ''): AppError {
  return new AppError('INVALID_PARAMETER', `${name} ${takes}${was}.`, {
    details: { parameter: name, takes },
  });
}
