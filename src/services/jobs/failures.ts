/** What a failed attempt means for the job and for its client. */
import { AppError, PromptError } from '../../errors.js';
import type { FailedTry, JobFailure, ProcessingJob } from './Job.js';

/** Why a running job is stopped; the reason that its abort signal carries. */
export class JobAbort extends Error {
  readonly kind: 'cancelled' | 'shutdown';

  constructor(kind: JobAbort['kind']) {
    super(`The job was stopped: ${kind}.`);
    this.kind = kind;
  }
}

/**
 * Whether a job that failed so gets another attempt.
 * @param wasTrial the instance was on trial, after jobs had failed on it
 * @returns what to remember of this one, or undefined when the job fails
 */
export function anotherAttempt(
  error: PromptError,
  job: ProcessingJob,
  wasTrial: boolean,
  maxAttempts: number,
): Omit<FailedTry, 'instance'> | undefined {
  const { blame, retry, isFree = false } = error.verdict;
  // A machine on trial costs nobody a job, unless the job itself is at fault or failed in a trial before.
  const isExcused = wasTrial && blame !== 'prompt' && !job.failedTries.some((one) => one.wasTrial);
  const counted = job.attempts - job.failedTries.filter((one) => one.isFree).length;
  const hasAttempts = isFree || counted < maxAttempts;
  // What does not fit after the memory was freed does not fit.
  const isHopeless =
    error.failure === 'out of memory' && job.failedTries.some(({ failure }) => failure === 'out of memory');
  if (!isExcused && (!retry || !hasAttempts || isHopeless)) return undefined;
  return {
    failure: error.failure,
    isFree: isFree || isExcused,
    wasTrial,
    leftBehind: error.leftBehind,
  };
}

/** What a client reads of a job that was not done at the end of a shutdown. */
export const SHUTDOWN_FAILURE: JobFailure = {
  message: 'The server was shut down before the job was done.',
  code: 'SHUTTING_DOWN',
  category: 'internal',
  details: undefined,
};

/** What a client reads of a job that was not begun in time. */
export const DEADLINE_EXCEEDED: JobFailure = {
  message: 'The job was not begun before its deadline.',
  code: 'DEADLINE_EXCEEDED',
  category: 'instance_unavailable',
  details: undefined,
};

/** What a client reads of a job whose result no store took. */
export const RESULT_NOT_STORED: JobFailure = {
  message: 'The result could not be stored.',
  code: 'INTERNAL_ERROR',
  category: 'internal',
  details: undefined,
};

/** What a client reads of an error: a prompt's with its category, unknown ones only by name. */
export function failureOf(error: unknown): JobFailure {
  if (error instanceof PromptError) {
    const { message, code, category, details } = error;
    return { message, code, category, details: { category, ...details } };
  }
  if (error instanceof AppError) {
    return { message: error.message, code: error.code, category: 'internal', details: error.details };
  }
  return {
    message: 'An internal error occurred.',
    code: 'INTERNAL_ERROR',
    category: 'internal',
    details: undefined,
  };
}
