import type { z } from 'zod';
import { AppError } from '../errors.js';
import { plainIssue } from './plainIssue.js';

/** Further ones are not listed. */
const MAX_LISTED = 20;

/** An invalid parameter, field of a body, or header. */
interface InvalidParameter {
  readonly name: string;
  /** The end of a sentence, such as `must be true or false`. */
  readonly problem: string;
  /** Its value, for the message, such as `, but was "maybe"`. */
  readonly was?: string;
}

/**
 * Parses parameters by their schema; unknown names are ignored.
 * @throws AppError `INVALID_PARAMETER` with the name of each invalid one and what it accepts
 */
export function parseParameters<T extends z.ZodType>(schema: T, given: Record<string, unknown>): z.output<T> {
  const parsed = schema.safeParse(given, { error: plainIssue });
  if (parsed.success) return parsed.data;
  throw invalidParameters(
    firstOfEach(parsed.error).map(({ name, problem }) => {
      const value = given[name];
      const was = value === undefined ? '' : `, but was ${JSON.stringify(value)?.slice(0, 100)}`;
      return { name, problem: Array.isArray(value) ? 'must be a single value' : problem, was };
    }),
  );
}

/**
 * Parses the fields of a JSON body by their schema.
 * @throws AppError `INVALID_PARAMETER` with the name of each invalid field, but not its value, which may be a secret
 */
export function parseFields<T extends z.ZodType>(schema: T, body: unknown): z.output<T> {
  const parsed = schema.safeParse(body, { error: plainIssue });
  if (parsed.success) return parsed.data;
  throw invalidParameters(firstOfEach(parsed.error));
}

/**
 * The error for an invalid parameter or header.
 * @param problem such as `must be true or false`
 * @param was its value, for the message
 */
export function invalidParameter(name: string, problem: string, was = ''): AppError {
  return invalidParameters([{ name, problem, was }]);
}

/** The first problem of each parameter. */
function firstOfEach({ issues }: z.core.$ZodError): InvalidParameter[] {
  const problems = new Map<string, InvalidParameter>();
  for (const issue of issues) {
    const unknown = issue.code === 'unrecognized_keys' && issue.path.length === 0 ? issue.keys : undefined;
    const found = unknown?.map((name) => ({ name, problem: 'is not a known field' })) ?? [
      { name: String(issue.path[0] ?? 'body'), problem: issue.message },
    ];
    for (const one of found) if (!problems.has(one.name)) problems.set(one.name, one);
  }
  return [...problems.values()].slice(0, MAX_LISTED);
}

function invalidParameters(all: readonly InvalidParameter[]): AppError {
  const message = all.map(({ name, problem, was = '' }) => `${name} ${problem}${was}`).join('; ');
  const described = all.map(({ name, problem }) => ({ parameter: name, takes: acceptedBy(problem) }));
  const details = described.length > 1 ? { ...described[0], all: described } : described[0];
  return new AppError('INVALID_PARAMETER', `${message}.`, { details });
}

/** `must be true or false` as `true or false`. */
function acceptedBy(problem: string): string {
  return problem.replace(/^must (be |have )?/, '');
}
