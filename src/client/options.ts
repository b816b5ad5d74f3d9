import type { z } from 'zod';
import type { asyncAnswer, jobListAnswer, jobStatusAnswer } from '../schemas/jobs.js';
import type { sessionAnswer } from '../schemas/session.js';
import type { healthAnswer } from '../schemas/status.js';
import type { workflowAnswer, workflowBody, workflowsAnswer } from '../schemas/workflows.js';
import type { OutputFile } from './OutputFile.js';

/** A job's status, by its `status`. */
export type JobStatus = z.output<typeof jobStatusAnswer>;
export type CompletedStatus = Extract<JobStatus, { status: 'completed' }>;
/** The response to a submission. */
export type Accepted = z.output<typeof asyncAnswer>;
export type JobList = z.output<typeof jobListAnswer>;
/** The caller's permissions, and the limits for size and type of files. */
export type Session = z.output<typeof sessionAnswer>;
export type Health = z.output<typeof healthAnswer>;
export type WorkflowDescription = z.output<typeof workflowsAnswer>['workflows'][number];
/** One workflow. Graph and manifest are present for keys of the scope admin and workflows that come from a file. */
export type WorkflowDetails = z.output<typeof workflowAnswer>;

type WorkflowBody = z.input<typeof workflowBody>;

/** The source of a workflow. */
export interface WorkflowSource {
  /** As ComfyUI's "Export (API)" writes it: parsed, or as text, which keeps integers beyond 2^53. */
  readonly graph: WorkflowBody['graph'] | string;
  /** Names of inputs and outputs; derived from the graph if omitted. */
  readonly manifest?: WorkflowBody['manifest'];
}

export interface ClientOptions {
  /** Such as `https://images.example`; by default the page's own server in a browser. */
  readonly baseUrl?: string;
  /** If the server has keys. */
  readonly apiKey?: string | undefined;
  /** Replaces the global `fetch`. */
  readonly fetch?: typeof fetch;
}

export interface WebhookOptions {
  /** URL that receives the end of the job. */
  readonly url: string;
  /** Which events are sent; all by default. */
  readonly events?: ReadonlyArray<'completed' | 'failed' | 'cancelled'>;
  /** Include the image in the message. */
  readonly withImage?: boolean;
}

export interface SubmitOptions {
  /** Format of the resulting images. */
  readonly format?: 'PNG' | 'JPEG' | 'WEBP';
  /** Further inputs of the workflow, such as `{ scale: 2 }`. */
  readonly parameters?: Readonly<Record<string, string | number | boolean>>;
  /** Name of a file that is submitted alone. */
  readonly filename?: string;
  readonly webhook?: WebhookOptions;
  /** The same key with the same inputs returns the same job: for requests that may be repeated. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

export interface WaitOptions {
  /**
   * Called with every status, including the last one, one after the other: a promise that it returns is awaited. An error rejects the
   * promise of the call; the job continues.
   */
  readonly onStatus?: (status: JobStatus) => unknown;
  readonly signal?: AbortSignal;
  /** Poll interval if events do not get through, ms; 1000 by default. */
  readonly pollMs?: number;
  /** How long the server may be unreachable, ms; a minute by default. */
  readonly patienceMs?: number;
}

/** Which jobs to list; all by default. Undefined values are omitted. */
export interface JobFilter {
  readonly status?: JobStatus['status'] | undefined;
  readonly type?: string | undefined;
  readonly instance?: string | undefined;
  /** At most 1000; 100 by default. */
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
}

/** The result of a job. */
export interface RunResult {
  readonly jobId: string;
  /** In the workflow's order; the first one is the primary output. */
  readonly outputs: readonly [OutputFile, ...OutputFile[]];
  /** Present if the server chose it. A string if JavaScript cannot represent the number. */
  readonly seed: number | string | undefined;
  /** By input, if the server chose several, because their ranges do not overlap. */
  readonly seeds: Readonly<Record<string, number | string>> | undefined;
  /** Notes about the submission, such as unknown inputs. */
  readonly warnings: readonly string[];
}
