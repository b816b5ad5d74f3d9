import type { ErrorCode, ErrorDetails } from '../../errors.js';
import type { ErrorCategory, PromptFailure } from '../../promptFailures.js';
import type { OutputFormat } from '../../workflows/parameters.js';
import type { FileKind, Workflow } from '../../workflows/types.js';
import type { NodeTime } from '../comfyui/NodeTimes.js';
import type { Crop } from '../images/finish.js';
import type { InspectedImage } from '../images/structure.js';

/** Whom a client wants to hear of the job's end. */
export interface WebhookTarget {
  readonly url: string;
  /** The ends that are told. */
  readonly events: ReadonlyArray<FinishedJob['status']>;
  /** Whether the message carries the image, if it is small. */
  readonly withImage: boolean;
}

/** A file that a client sent, as it was inspected. */
export interface JobFile {
  readonly kind: FileKind;
  readonly sizeBytes: number;
  /** As its bytes tell. */
  readonly mimeType: string;
  /** As the client called it, made harmless for logs and JSON. */
  readonly filename: string;
  /** Where its bytes are in the store of blobs, once they are there. */
  readonly key?: string | undefined;
  /** Of an image or a mask. */
  readonly image?: InspectedImage | undefined;
}

/** What a client asked for. */
export interface JobRequest {
  /** Workflow type. */
  readonly type: string;
  /** As it was when the job was submitted: a workflow that is replaced meanwhile changes nothing about the job. */
  readonly workflow: Workflow;
  /** The workflow's own parameters, as its schema made them. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Of the images that it makes; undefined where they stay as ComfyUI makes them. */
  readonly format: OutputFormat | undefined;
  /** By the names that the workflow gives them, in its order. */
  readonly files: Readonly<Record<string, JobFile>>;
  /** Of the first file as the client called it, made harmless for logs and JSON; the workflow's type where there is none. */
  readonly originalFilename: string;
  readonly requestId: string;
  /** The span that the job's spans are parts of (W3C Trace Context), where jobs are traced. */
  readonly traceparent?: string | undefined;
  /** Name of the API key that submitted it, where there are keys. */
  readonly owner: string | undefined;
  /** Who submitted it, as limits count clients: by key, else by address. */
  readonly client?: string | undefined;
  /** From -10 to 10, higher ones first; 0 where it is left out. */
  readonly priority?: number | undefined;
  /** It must be begun by then, epoch ms. */
  readonly deadline?: number | undefined;
  readonly webhook?: WebhookTarget | undefined;
  /** What the client should know although its submission was accepted. */
  readonly warnings?: readonly string[];
  /** The seed that was chosen for the client, in decimal digits; undefined where it chose itself or there is none. */
  readonly randomSeed?: string | undefined;
  /** The seeds of all inputs that one was chosen for, where one did not fit all of them: `randomSeed` is the first. */
  readonly randomSeeds?: Readonly<Record<string, string>> | undefined;
  /** What the client wants to read again. */
  readonly metadata?: string | undefined;
  /** What the client calls its prompt. ComfyUI gets another id with each attempt. */
  readonly clientPromptId?: string | undefined;
  /** Name of what goes to ComfyUI with the prompt, which one server has in its memory (`PromptSecrets`). */
  readonly secrets?: string | undefined;
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

/** What an output is, as its bytes tell. */
export type OutputKind = 'image' | 'video' | 'audio' | 'text' | 'latent' | 'file';

/** One thing that a job made. */
export interface JobOutput {
  /** The workflow's name for the output; a node that made several things gives it to each. */
  readonly name: string;
  /** The node that made it. */
  readonly nodeId: string;
  readonly kind: OutputKind;
  readonly mimeType: string;
  readonly sizeBytes: number;
  readonly filename: string;
  /** Where its bytes are in the store of blobs, once they are there. */
  readonly key?: string | undefined;
  /** Of an image, in pixels. */
  readonly width?: number;
  readonly height?: number;
  /** Of an image that was cropped to its subject. */
  readonly crop?: Crop;
  /** Of a text that is not long. */
  readonly text?: string;
}

export interface JobResult {
  readonly promptId: string;
  /** In the workflow's order, and what one node made in its own. The first one is the primary output. */
  readonly outputs: readonly [JobOutput, ...JobOutput[]];
  /** How long each node was at work, ms, at most a hundred; undefined where that was not seen. */
  readonly nodeTimes?: readonly NodeTime[] | undefined;
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

/** Bytes of a job's files: all together, and of the largest one. */
export function sizesOfFiles({ files }: JobRequest): { readonly total: number; readonly largest: number } {
  let total = 0;
  let largest = 0;
  for (const { sizeBytes } of Object.values(files)) {
    total += sizeBytes;
    largest = Math.max(largest, sizeBytes);
  }
  return { total, largest };
}

/** The file that views of one picture show: the first image, or else the first file. */
export function mainFile({ files }: JobRequest): JobFile | undefined {
  const all = Object.values(files);
  return all.find(({ kind }) => kind === 'image') ?? all[0];
}

/** Bytes of everything that a job made. */
export function outputsSize({ result }: CompletedJob): number {
  return result.outputs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** The instance that has, or last had, the job. */
export function assignmentOf(job: Job): Assignment | undefined {
  return job.status === 'pending' ? undefined : job.assignment;
}

/** Milliseconds from the start of processing to its end, undefined where there was none. */
export function processingDuration(job: FinishedJob): number | undefined {
  return job.assignment && job.finishedTime - job.assignment.processingStartTime;
}
