import type { z } from 'zod';
import type { asyncAnswer, jobListAnswer, jobStatusAnswer } from '../schemas/jobs.js';
import type { sessionAnswer } from '../schemas/session.js';
import type { healthAnswer } from '../schemas/status.js';
import type { workflowAnswer, workflowBody, workflowsAnswer } from '../schemas/workflows.js';
import type { OutputFile } from './OutputFile.js';

/** A job's status, by its `status`. */
export type JobStatus = z.output<typeof jobStatusAnswer>;
export type CompletedStatus = Extract<JobStatus, { status: 'completed' }>;
/** The answer to a submission. */
export type Accepted = z.output<typeof asyncAnswer>;
export type JobList = z.output<typeof jobListAnswer>;
/** What the caller may do, and how large and of which type files may be. */
export type Session = z.output<typeof sessionAnswer>;
export type Health = z.output<typeof healthAnswer>;
export type WorkflowDescription = z.output<typeof workflowsAnswer>['workflows'][number];
/** One workflow. Graph and manifest are there for keys of the scope admin, of a workflow that comes of a file. */
export type WorkflowDetails = z.output<typeof workflowAnswer>;

type WorkflowBody = z.input<typeof workflowBody>;

/** What a workflow is made of. */
export interface WorkflowSource {
  /** As ComfyUI's "Export (API)" writes it: parsed, or its text, which keeps integers beyond 2^53. */
  readonly graph: WorkflowBody['graph'] | string;
  /** Names of its inputs and outputs; derived from the graph when it is left out. */
  readonly manifest?: WorkflowBody['manifest'];
}

export interface ClientOptions {
  /** Such as `https://images.example`; the page's own server when it is left out in a browser. */
  readonly baseUrl?: string;
  /** Where the server has keys. */
  readonly apiKey?: string | undefined;
  /** In place of the global `fetch`. */
  readonly fetch?: typeof fetch;
}

export interface WebhookOptions {
  /** Where the job's end is posted to. */
  readonly url: string;
  /** Which ends are told; all of them when it is left out. */
  readonly events?: ReadonlyArray<'completed' | 'failed' | 'cancelled'>;
  /** Put the image into the message. */
  readonly withImage?: boolean;
}

export interface SubmitOptions {
  /** Of the images that are made. */
  readonly format?: 'PNG' | 'JPEG' | 'WEBP';
  /** More of the workflow's own inputs, such as `{ scale: 2 }`. */
  readonly parameters?: Readonly<Record<string, string | number | boolean>>;
  /** What a file is called that is submitted alone. */
  readonly filename?: string;
  readonly webhook?: WebhookOptions;
  /** The same key with the same inputs is the same job: for who may have to send it again. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

export interface WaitOptions {
  /** Called with every status that is heard of, the last one too. */
  readonly onStatus?: (status: JobStatus) => void;
  readonly signal?: AbortSignal;
  /** Between two questions where events do not get through, ms; 1000 when it is left out. */
  readonly pollMs?: number;
  /** How long the server may be out of reach, ms; a minute when it is left out. */
  readonly patienceMs?: number;
}

/** Which jobs to list; all of them when nothing is given. */
export interface JobFilter {
  readonly status?: JobStatus['status'];
  readonly type?: string;
  readonly instance?: string;
  /** At most 1000; 100 when it is left out. */
  readonly limit?: number;
  readonly offset?: number;
}

/** What came of a job. */
export interface RunResult {
  readonly jobId: string;
  /** In the workflow's order; the first one is the primary output. */
  readonly outputs: readonly [OutputFile, ...OutputFile[]];
  /** Where the server chose it. A text where JavaScript cannot hold the number. */
  readonly seed: number | string | undefined;
  /** By input, where the server chose several, because no number lies in all their ranges. */
  readonly seeds: Readonly<Record<string, number | string>> | undefined;
  /** What the server noticed about the submission, such as an input that the workflow does not have. */
  readonly warnings: readonly string[];
}
