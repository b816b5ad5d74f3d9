/** What may follow on what in a job's life: each function gives the next record, or undefined where it may not. */
import type { ErrorCategory } from '../../errors.js';
import { type CancelledJob, type CompletedJob, type FailedJob, type Job, type JobFailure, type JobResult, type PendingJob, type ProcessingJob } from './Job.js';
/** pending → processing. */
export declare function begin(job: Job, now: number, instance: string): ProcessingJob | undefined;
/** ComfyUI took the prompt. */
export declare function withPrompt(job: Job, now: number, promptId: string): ProcessingJob | undefined;
/** Progress never falls, not even when another instance starts over, and 100 is for completed jobs. */
export declare function withProgress(job: Job, now: number, percentage: number, currentNode: string | undefined): ProcessingJob | undefined;
/** processing → pending: another instance is to try. */
export declare function requeue(job: Job, now: number, category: ErrorCategory): PendingJob | undefined;
/** processing → completed. */
export declare function complete(job: Job, now: number, result: JobResult): CompletedJob | undefined;
/** pending or processing → failed. */
export declare function fail(job: Job, now: number, failure: JobFailure): FailedJob | undefined;
/** pending or processing → cancelled. */
export declare function cancel(job: Job, now: number): CancelledJob | undefined;
