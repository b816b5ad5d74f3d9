/** The allowed transitions of a job: each function returns the next record, or undefined if it is not allowed. */
import {
  type CancelledJob,
  type CompletedJob,
  type EarlyOutput,
  type FailedJob,
  type FailedTry,
  hasBegun,
  isFinished,
  type Job,
  type JobFailure,
  type JobRequest,
  type JobResult,
  type PendingJob,
  type ProcessingJob,
} from './Job.js';

/** How an attempt ended that is followed by another one. */
export type TryEnd = Omit<FailedTry, 'instance' | 'startedTime'>;

/** A new job, pending. */
export function accept(id: string, request: JobRequest, now: number): PendingJob {
  return {
    id,
    status: 'pending',
    request,
    createdTime: now,
    updatedTime: now,
    attempts: 0,
    progress: 0,
    failedTries: [],
  };
}

/** pending → processing. */
export function begin(job: Job, now: number, instance: string): ProcessingJob | undefined {
  if (job.status !== 'pending') return undefined;
  return {
    ...job,
    status: 'processing',
    updatedTime: now,
    attempts: job.attempts + 1,
    assignment: { instance, processingStartTime: now, promptId: undefined },
    currentNode: undefined,
  };
}

/** The attempt continues the prompt of an earlier one: on its instance, and as if it had begun then. */
export function resume(job: Job, now: number, earlier: FailedTry): ProcessingJob | undefined {
  if (job.status !== 'processing') return undefined;
  const { instance, startedTime = job.assignment.processingStartTime } = earlier;
  const assignment = { ...job.assignment, instance, processingStartTime: startedTime };
  const continued = (job.continued ?? 0) + (earlier.failure === 'server gone' ? 1 : 0);
  return { ...job, updatedTime: now, assignment, ...(continued > 0 ? { continued } : {}) };
}

/** ComfyUI accepted the prompt. */
export function withPrompt(job: Job, now: number, promptId: string): ProcessingJob | undefined {
  if (job.status !== 'processing') return undefined;
  return { ...job, updatedTime: now, assignment: { ...job.assignment, promptId } };
}

/** Progress never decreases, not even when another instance starts over, and 100 is for completed jobs. */
export function withProgress(
  job: Job,
  now: number,
  percentage: number,
  currentNode: string | undefined,
): ProcessingJob | undefined {
  if (job.status !== 'processing') return undefined;
  const progress = Math.max(job.progress, Math.min(99, percentage));
  return { ...job, updatedTime: now, currentNode, progress };
}

/** An attempt made an output. @param attempt that made it: one that is over may not add anything */
export function withOutput(
  job: Job,
  now: number,
  attempt: number,
  output: Omit<EarlyOutput, 'createdTime'>,
): ProcessingJob | undefined {
  if (job.status !== 'processing' || job.attempts !== attempt) return undefined;
  return { ...job, updatedTime: now, early: [...(job.early ?? []), { ...output, createdTime: now }] };
}

/** processing → pending: for a retry on another instance. */
export function requeue(job: Job, now: number, because: TryEnd): PendingJob | undefined {
  if (job.status !== 'processing') return undefined;
  const { assignment, currentNode: _node, ...rest } = job;
  // Only the latest try with a prompt knows whether that is still on its machine.
  const earlier = job.failedTries.map((one) =>
    one.leftBehind === assignment.promptId ? { ...one, leftBehind: undefined } : one,
  );
  const { instance, processingStartTime: startedTime } = assignment;
  const failedTries = [...earlier, { ...because, instance, startedTime }];
  return { ...rest, status: 'pending', updatedTime: now, failedTries };
}

/** Transfers a job from or to another server: its prompt stays on its machine. */
export function handOver(job: Job, now: number): PendingJob | undefined {
  if (job.status === 'pending') return job;
  if (job.status !== 'processing') return undefined;
  const leftBehind = job.assignment.promptId;
  return requeue(job, now, { failure: 'server gone', isFree: true, wasTrial: false, leftBehind });
}

/** processing → completed. @param assignment of the attempt that made the result */
export function complete(
  job: Job,
  now: number,
  result: JobResult,
  assignment?: ProcessingJob['assignment'],
): CompletedJob | undefined {
  if (job.status !== 'processing') return undefined;
  const { failedTries: _tries, currentNode: _node, early = [], ...rest } = job;
  const places = new Set(result.outputs.map(({ place }) => place));
  const others = early.filter(({ place }) => !places.has(place));
  return {
    ...rest,
    status: 'completed',
    updatedTime: now,
    finishedTime: now,
    progress: 100,
    assignment: assignment ?? job.assignment,
    ...(others.length > 0 ? { early: others } : {}),
    result,
  };
}

/** pending or processing → failed. */
export function fail(job: Job, now: number, failure: JobFailure): FailedJob | undefined {
  const ended = end(job, now);
  return ended && { ...ended, status: 'failed', failure };
}

/** pending → failed, for a job that waited too long for its first attempt. */
export function expire(job: Job, now: number, failure: JobFailure): FailedJob | undefined {
  return hasBegun(job) ? undefined : fail(job, now, failure);
}

/** pending or processing → cancelled. */
export function cancel(job: Job, now: number): CancelledJob | undefined {
  const ended = end(job, now);
  return ended && { ...ended, status: 'cancelled' };
}

function end(job: Job, now: number): Omit<CancelledJob, 'status'> | undefined {
  if (isFinished(job)) return undefined;
  const { id, request, createdTime, attempts, continued, progress, early } = job;
  const assignment = job.status === 'processing' ? job.assignment : undefined;
  return {
    id,
    request,
    createdTime,
    attempts,
    ...(continued === undefined ? {} : { continued }),
    progress,
    ...(early ? { early } : {}),
    updatedTime: now,
    assignment,
    finishedTime: now,
  };
}
