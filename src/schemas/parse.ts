import type { z } from 'zod';
import { AppError } from '../errors.js';

/**
 * Parses parameters by their schema; unknown names are ignored.
 * @throws AppError `INVALID_PARAMETER` with the name of the first invalid one and what it accepts
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
 * The error for an invalid parameter or header.
 * @param takes such as `takes true or false`
 * @param was its value, for the message
 */
export function invalidParameter(name: string, takes: string, was = ''): AppError {
  return new AppError('INVALID_PARAMETER', `${name} ${takes}${was}.`, {
    details: { parameter: name, takes },
  });
}
