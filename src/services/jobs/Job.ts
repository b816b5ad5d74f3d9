import type { ErrorCode, ErrorDetails } from '../../errors.js';
import type { ErrorCategory, PromptFailure } from '../../promptFailures.js';
import type { OutputFormat } from '../../workflows/parameters.js';
import type { FileKind, Workflow } from '../../workflows/types.js';
import type { OutputOrigin } from '../comfyui/fetchOutputs.js';
import type { NodeTime } from '../comfyui/NodeTimes.js';
import type { Crop } from '../images/finish.js';
import type { InspectedImage } from '../images/structure.js';

/** The webhook of a job. */
export interface WebhookTarget {
  readonly url: string;
  /** The ends that are sent. */
  readonly events: ReadonlyArray<FinishedJob['status']>;
  /** Whether the message contains the image, if it is small. */
  readonly withImage: boolean;
}

/** A file that a client sent, after inspection. */
export interface JobFile {
  readonly kind: FileKind;
  readonly sizeBytes: number;
  /** Detected from the bytes. */
  readonly mimeType: string;
  /** The client's name for the file, made safe for logs and JSON. */
  readonly filename: string;
  /** The key of its bytes in the blob store, once they are stored. */
  readonly key?: string | undefined;
  /** Only for an image or a mask. */
  readonly image?: InspectedImage | undefined;
}

/** A client's request for a job. */
export interface JobRequest {
  /** Workflow type. */
  readonly type: string;
  /** As at submission: replacing the workflow does not change existing jobs. */
  readonly workflow: Workflow;
  /** The workflow's own parameters, parsed by its schema. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Format of the resulting images; undefined to keep ComfyUI's format. */
  readonly format: OutputFormat | undefined;
  /** By the workflow's names, in its order. */
  readonly files: Readonly<Record<string, JobFile>>;
  /** The client's name for the first file, made safe for logs and JSON; the workflow's type if there is no file. */
  readonly originalFilename: string;
  readonly requestId: string;
  /** The parent span of the job's spans (W3C Trace Context), if jobs are traced. */
  readonly traceparent?: string | undefined;
  /** Name of the API key that submitted the job, if the server has keys. */
  readonly owner: string | undefined;
  /** The client as limits count it: by key, otherwise by address. */
  readonly client?: string | undefined;
  /** From -10 to 10, higher ones first; default 0. */
  readonly priority?: number | undefined;
  /** Latest start, epoch ms. */
  readonly deadline?: number | undefined;
  readonly webhook?: WebhookTarget | undefined;
  /** Notes for the client about the accepted submission. */
  readonly warnings?: readonly string[];
  /** The seed that the server chose, in decimal digits; undefined if the client chose it or there is none. */
  readonly randomSeed?: string | undefined;
  /** All seeds that the server chose, if one did not fit all inputs: `randomSeed` is the first. */
  readonly randomSeeds?: Readonly<Record<string, string>> | undefined;
  /** Data of the client, returned unchanged. */
  readonly metadata?: string | undefined;
  /** The client's id for its prompt. ComfyUI gets another id with each attempt. */
  readonly clientPromptId?: string | undefined;
  /** Id of the server that passes the machines' messages about the job on to its client (`MessageRelay`). */
  readonly follower?: string | undefined;
  /** Name under which `PromptSecrets` of one server keeps the secrets that are sent to ComfyUI with the prompt. */
  readonly secrets?: string | undefined;
}

/** The common fields of all jobs. Times are epoch ms. */
interface JobBase {
  readonly id: string;
  readonly request: JobRequest;
  readonly createdTime: number;
  readonly updatedTime: number;
  /** How often the job was assigned to an instance: the number of the latest attempt. */
  readonly attempts: number;
  /** How many of them continued the prompt of an attempt that another server had begun. Default: 0 */
  readonly continued?: number | undefined;
  /** 0..100; never decreases, and is 100 only when completed. */
  readonly progress: number;
  /**
   * Outputs that were stored before the job's end, of all attempts, in the order in which they were stored. Without those that
   * are part of the result.
   */
  readonly early?: readonly EarlyOutput[] | undefined;
}

/** The latest assignment of the job to an instance. */
interface Assignment {
  /** `host:port`. */
  readonly instance: string;
  readonly processingStartTime: number;
  readonly promptId: string | undefined;
}

/** The kind of an output, detected from its bytes. */
export type OutputKind = 'image' | 'video' | 'audio' | 'text' | 'latent' | 'file';

/** One output of a job. */
export interface JobOutput {
  /** The workflow's name for the output; several outputs of one node have the same name. */
  readonly name: string;
  /** The node that made the output. */
  readonly nodeId: string;
  readonly kind: OutputKind;
  readonly mimeType: string;
  readonly sizeBytes: number;
  readonly filename: string;
  /** The key of its bytes in the blob store, once they are stored. */
  readonly key?: string | undefined;
  /** The part of its asset id that follows the job (`outputIds.ts`), for jobs of client graphs. */
  readonly place?: string | undefined;
  /** How the machine reported it; undefined for built-in workflows, and in records of earlier versions. */
  readonly origin?: OutputOrigin | undefined;
  /** When it was stored, epoch ms, if that was before the job's end. */
  readonly createdTime?: number | undefined;
  /** Only for an image, in pixels. */
  readonly width?: number;
  readonly height?: number;
  /** Only for an image that was cropped to its subject. */
  readonly crop?: Crop;
  /** Only for a short text. */
  readonly text?: string;
}

/** An output that was stored before the job's end. */
export interface EarlyOutput extends JobOutput {
  readonly place: string;
  readonly createdTime: number;
}

export interface JobResult {
  readonly promptId: string;
  /** In the workflow's order; several outputs of one node in the node's order. The first one is the primary output. */
  readonly outputs: readonly [JobOutput, ...JobOutput[]];
  /** Execution time of each node, ms, for at most a hundred nodes; undefined if unknown. */
  readonly nodeTimes?: readonly NodeTime[] | undefined;
}

export interface JobFailure {
  readonly message: string;
  readonly code: ErrorCode;
  readonly category: ErrorCategory;
  /** Which failure of the prompt it was; undefined for any other failure, and in records of earlier versions. */
  readonly kind?: PromptFailure | undefined;
  readonly details: ErrorDetails | undefined;
}

/** A failed attempt that was followed by another one. */
export interface FailedTry {
  readonly instance: string;
  readonly failure: PromptFailure;
  /** Whether the attempt does not count towards the job's maximum. */
  readonly isFree: boolean;
  /** Whether the instance was on trial, after jobs had failed on it. */
  readonly wasTrial: boolean;
  /** Id of a prompt that may have finished there unnoticed. */
  readonly leftBehind: string | undefined;
  /** When the attempt began, epoch ms; undefined in records of earlier versions. */
  readonly startedTime?: number | undefined;
}

/** A prompt that an attempt left on its machine. */
export interface LeftPrompt {
  /** `host:port`. */
  readonly instance: string;
  readonly promptId: string;
  /** Whether another server may follow it. It takes it back itself, unless it was killed. */
  readonly isFollowed: boolean;
}

export interface PendingJob extends JobBase {
  readonly status: 'pending';
  readonly failedTries: readonly FailedTry[];
}

export interface ProcessingJob extends JobBase {
  readonly status: 'processing';
  readonly assignment: Assignment;
  readonly failedTries: readonly FailedTry[];
  /** Class of the running node. */
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
 * `pending → processing → completed | failed | cancelled`, and back to pending only for an attempt on another instance. Each
 * state has only its own data.
 */
export type Job = PendingJob | ProcessingJob | FinishedJob;

export function isFinished(job: Job): job is FinishedJob {
  return job.status === 'completed' || job.status === 'failed' || job.status === 'cancelled';
}

/** Total size of a job's files, and size of the largest one, in bytes. */
export function sizesOfFiles({ files }: JobRequest): { readonly total: number; readonly largest: number } {
  let total = 0;
  let largest = 0;
  for (const { sizeBytes } of Object.values(files)) {
    total += sizeBytes;
    largest = Math.max(largest, sizeBytes);
  }
  return { total, largest };
}

/** The file for responses with a single image: the first image, or else the first file. */
export function mainFile({ files }: JobRequest): JobFile | undefined {
  const all = Object.values(files);
  return all.find(({ kind }) => kind === 'image') ?? all[0];
}

/** Total size of all outputs of a job, bytes. */
export function outputsSize({ result }: CompletedJob): number {
  return result.outputs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** The instance that has, or last had, the job. */
export function assignmentOf(job: Job): Assignment | undefined {
  return job.status === 'pending' ? undefined : job.assignment;
}

/** Number of attempts as clients see it: a prompt that another server continues is one attempt. */
export function attemptsOf({ attempts, continued = 0 }: Job): number {
  return attempts - continued;
}

/** Whether a job was ever assigned to an instance. */
export function hasBegun(job: Job): boolean {
  return job.attempts > 0 || (job.status === 'pending' && job.failedTries.length > 0);
}

/** Whether a record is older than another one of the same job, which arrived before. An end is never too old. */
export function isBefore(job: Job, other: Job): boolean {
  return !isFinished(job) && (isFinished(other) || job.updatedTime < other.updatedTime);
}

/** Milliseconds from start to end of processing; undefined if it never started. */
export function processingDuration(job: FinishedJob): number | undefined {
  return job.assignment && job.finishedTime - job.assignment.processingStartTime;
}

/** The prompts that attempts of an unfinished job may have left on machines; none of a finished one. */
export function leftPrompts(job: Job): LeftPrompt[] {
  if (!('failedTries' in job)) return [];
  return job.failedTries.flatMap(({ instance, leftBehind: promptId }) =>
    promptId === undefined ? [] : [{ instance, promptId, isFollowed: false }],
  );
}
