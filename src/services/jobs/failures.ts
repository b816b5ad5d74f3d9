/** What a failed attempt means for the job and for its client. */
import { AppError, PromptError } from '../../errors.js';
import type { JobFailure, ProcessingJob } from './Job.js';
import type { TryEnd } from './transitions.js';

/** Outages of the store that one job survives without counting them as attempts. */
const MAX_OUTAGES = 20;

/** Why a running job is stopped: the reason of its abort signal. */
export class JobAbort extends Error {
  /** `ended`: it was cancelled, or another server ended it. */
  readonly kind: 'ended' | 'shutdown';

  constructor(kind: JobAbort['kind']) {
    super(`The job was stopped: ${kind}.`);
    this.kind = kind;
  }
}

/**
 * Decides whether a failed job gets another attempt.
 * @param wasTrial the instance was on trial, after jobs had failed on it, or was found to be broken meanwhile
 * @returns the record of the failed attempt, or undefined if the job fails
 */
export function anotherAttempt(
  error: PromptError,
  job: ProcessingJob,
  wasTrial: boolean,
  maxAttempts: number,
): TryEnd | undefined {
  const { blame, retry } = error.verdict;
  const isFree = error.isCounted || (error.verdict.isFree === true && !isUnreadable(error, job));
  // A trial does not use up an attempt, unless the job itself is at fault or has failed in an earlier trial.
  const isExcused = wasTrial && blame !== 'prompt' && !job.failedTries.some((one) => one.wasTrial);
  const counted = job.attempts - job.failedTries.filter((one) => one.isFree).length;
  const hasAttempts = isFree || counted < maxAttempts;
  // If it does not fit after memory was freed, it never does.
  const isHopeless =
    error.failure === 'out of memory' && job.failedTries.some(({ failure }) => failure === 'out of memory');
  // A prompt that broke two GPUs would break the next one, too.
  const breaksAll =
    error.needsRestart &&
    job.failedTries.some(({ failure, wasTrial: hadTrial }) => failure === 'GPU fault' && !hadTrial);
  if (!isExcused && (!retry || !hasAttempts || isHopeless || breaksAll)) return undefined;
  return {
    failure: error.failure,
    isFree: isFree || isExcused,
    wasTrial,
    leftBehind: error.leftBehind,
  };
}

/** Whether the store has failed for this job so often that one of its files is the problem, not the whole store. */
function isUnreadable({ failure }: PromptError, { failedTries }: ProcessingJob): boolean {
  if (failure !== 'store unavailable') return false;
  return failedTries.filter((one) => one.failure === failure).length >= MAX_OUTAGES;
}

/** The failure of a job that was unfinished at the end of a shutdown. */
export const SHUTDOWN_FAILURE: JobFailure = {
  message: 'The server was shut down before the job had finished.',
  code: 'SHUTTING_DOWN',
  category: 'internal',
  details: undefined,
};

/** The failure of a job that did not start in time. */
export const DEADLINE_EXCEEDED: JobFailure = {
  message: 'The job did not start before its deadline.',
  code: 'DEADLINE_EXCEEDED',
  category: 'instance_unavailable',
  details: undefined,
};

/** The failure of a job whose file no machine accepts. */
export const TOO_LARGE: JobFailure = failureOf(
  new PromptError('upload too large', 'No ComfyUI instance accepts an upload of this size.'),
);

/** The failure of a job whose result could not be stored. */
export const RESULT_NOT_STORED: JobFailure = {
  message: 'The result could not be stored.',
  code: 'INTERNAL_ERROR',
  category: 'internal',
  details: undefined,
};

/** The failure that a client sees for an error: a prompt's error with its category, unknown errors only by name. */
export function failureOf(error: unknown): JobFailure {
  if (error instanceof PromptError) {
    const { message, code, category, failure: kind, details } = error;
    return { message, code, category, kind, details: { category, ...details } };
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
