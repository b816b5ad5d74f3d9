import type { ErrorCode, ErrorDetails } from '../../errors.js';
import type { ErrorCategory, PromptFailure } from '../../promptFailures.js';
import type { OutputFormat } from '../../workflows/parameters.js';
import type { InspectedImage } from '../images/structure.js';

/** Whom a client wants to hear of the job's end. */
export interface WebhookTarget {
  readonly url: string;
  /** The ends that are told. */
  readonly events: ReadonlyArray<FinishedJob['status']>;
  /** Whether the message carries the image, if it is small. */
  readonly withImage: boolean;
}

/** What a client asked for. */
export interface JobRequest {
  /** Workflow type. */
  readonly type: string;
  /** The workflow's own parameters, as its schema made them. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly format: OutputFormat;
  readonly image: InspectedImage;
  /** Bytes of the upload. */
  readonly imageSize: number;
  /** As the client called it, made harmless for logs and JSON. */
  readonly originalFilename: string;
  readonly requestId: string;
  /** Name of the API key that submitted it, where there are keys. */
  readonly owner: string | undefined;
  /** Who submitted it, as limits count clients: by key, else by address. */
  readonly client?: string | undefined;
  readonly webhook?: WebhookTarget | undefined;
  /** What the client should know although its submission was accepted. */
  readonly warnings?: readonly string[];
  /** The seed that was chosen for the client, in decimal digits; undefined where it chose itself or there is none. */
  readonly randomSeed?: string | undefined;
}

/** What every job has. Times are epoch ms. */
interface JobBase {
  readonly id: string;
  readonly request: JobRequest;
  readonly createdTime: number;
  readonly updatedTime: number;
  /** How often an instance was given the job. */
  readonly attempts: number;
  /** 0..100; never falls, and is 100 only when completed. */
  readonly progress: number;
}

/** The last time an instance had the job. */
interface Assignment {
  /** `host:port`. */
  readonly instance: string;
  readonly processingStartTime: number;
  readonly promptId: string | undefined;
}

export interface JobResult {
  readonly promptId: string;
  readonly mimeType: string;
  readonly format: OutputFormat;
  readonly sizeBytes: number;
  readonly width: number;
  readonly height: number;
}

export interface JobFailure {
  readonly message: string;
  readonly code: ErrorCode;
  readonly category: ErrorCategory;
  readonly details: ErrorDetails | undefined;
}

/** An attempt that failed, before another one. */
export interface FailedTry {
  readonly instance: string;
  readonly failure: PromptFailure;
  /** It does not count towards the attempts that a job has. */
  readonly isFree: boolean;
  /** The instance was on trial, after jobs had failed on it. */
  readonly wasTrial: boolean;
  /** Id of a prompt that may have finished there unseen. */
  readonly leftBehind: string | undefined;
}

export interface PendingJob extends JobBase {
  readonly status: 'pending';
  readonly failedTries: readonly FailedTry[];
}

export interface ProcessingJob extends JobBase {
  readonly status: 'processing';
  readonly assignment: Assignment;
  readonly failedTries: readonly FailedTry[];
  /** Class of the node at work. */
  readonly currentNode: string | undefined;
}

export interface CompletedJob extends JobBase {
  readonly status: 'completed';
  readonly assignment: Assignment;
  readonly finishedTime: number;
  readonly result: JobResult;
}

export interface FailedJob extends JobBase {
  readonly status: 'failed';
  readonly assignment: Assignment | undefined;
  readonly finishedTime: number;
  readonly failure: JobFailure;
}

export interface CancelledJob extends JobBase {
  readonly status: 'cancelled';
  readonly assignment: Assignment | undefined;
  readonly finishedTime: number;
}

export type FinishedJob = CompletedJob | FailedJob | CancelledJob;

/**
 * `pending → processing → completed | failed | cancelled`, and back to pending only when another instance is to
 * try. Each state carries only its own data.
 */
export type Job = PendingJob | ProcessingJob | FinishedJob;

export function isFinished(job: Job): job is FinishedJob {
  return job.status === 'completed' || job.status === 'failed' || job.status === 'cancelled';
}

/** The instance that has, or last had, the job. */
export function assignmentOf(job: Job): Assignment | undefined {
  return job.status === 'pending' ? undefined : job.assignment;
}

/** Milliseconds from the start of processing to its end, undefined where there was none. */
export function processingDuration(job: FinishedJob): number | undefined {
  return job.assignment && job.finishedTime - job.assignment.processingStartTime;
}
