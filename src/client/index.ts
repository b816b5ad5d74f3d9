import type { z } from 'zod';
import type { anySyncAnswer, deletedAnswer } from '../schemas/jobs.js';
import type { workflowDeletedAnswer, workflowsAnswer } from '../schemas/workflows.js';
import { Connection } from './Connection.js';
import { JobNotCompleted } from './JobNotCompleted.js';
import { MiddlewareError } from './MiddlewareError.js';
import { OutputFile } from './OutputFile.js';
import type {
  Accepted,
  ClientOptions,
  CompletedStatus,
  Health,
  JobFilter,
  JobList,
  JobStatus,
  RunResult,
  Session,
  SubmitOptions,
  WaitOptions,
  WorkflowDescription,
  WorkflowDetails,
  WorkflowSource,
} from './options.js';
import { type Inputs, submissionRequest } from './submissionRequest.js';
import { waitForEnd } from './waitForEnd.js';
import { readEvents, withLateAbort } from './waiting.js';
import { workflowRequest } from './workflowRequest.js';

export type * from './options.js';
export type { FileValue, Inputs } from './submissionRequest.js';
export { JobNotCompleted, MiddlewareError, OutputFile };

/** How long an aborted `run` waits for the id of the job that it cancels, ms. */
const SUBMISSION_GRACE_MS = 2000;

/** A client for this server, for browsers and Node. Depends only on `fetch`. */
export class MiddlewareClient {
  readonly #connection: Connection;

  constructor(options: ClientOptions = {}) {
    this.#connection = new Connection(options);
  }

  /**
   * Sends any request.
   * @param path on the server, or an absolute URL; the API key is sent to the client's own server only
   * @returns a successful response
   * @throws MiddlewareError for an error response; TypeError if the server is unreachable
   */
  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await this.#connection.send(path, init);
    if (!response.ok) throw await MiddlewareError.from(response);
    return response;
  }

  /** Sends a request and parses the JSON response. */
  async json<T>(path: string, init: RequestInit = {}): Promise<T> {
    return (await (await this.request(path, init)).json()) as T;
  }

  /** Returns the server's health. A critical server responds 503 with the whole report, which is not an error here. */
  async health(signal?: AbortSignal): Promise<Health> {
    const response = await this.#connection.send('/health', { signal: signal ?? null });
    if (!response.ok && response.status !== 503) throw await MiddlewareError.from(response);
    return (await response.json()) as Health;
  }

  /** Returns the caller's permissions and the limits for files. A wrong key is not an error here: its `access` is `none`. */
  session(signal?: AbortSignal): Promise<Session> {
    return this.json('/api/session', { signal: signal ?? null });
  }

  /** Returns the available workflows. */
  async workflows(signal?: AbortSignal): Promise<WorkflowDescription[]> {
    const answer = await this.json<z.output<typeof workflowsAnswer>>('/api/workflows', {
      signal: signal ?? null,
    });
    return answer.workflows;
  }

  /**
   * Returns one workflow. JavaScript rounds integers of its graph beyond 2^53: use `request` for the original text.
   * @throws MiddlewareError `WORKFLOW_NOT_FOUND`
   */
  workflow(type: string, signal?: AbortSignal): Promise<WorkflowDetails> {
    return this.json(workflowPath(type), { signal: signal ?? null });
  }

  /**
   * Stores a graph as a workflow; replaces a workflow of the same type. Requires a key of the scope admin if the server has keys.
   * @returns the workflow with its manifest, which is derived if none was sent
   * @throws MiddlewareError `INVALID_WORKFLOW`, `WORKFLOW_FORMAT_UI` or `WORKFLOW_BUILT_IN`
   */
  async putWorkflow(type: string, source: WorkflowSource, signal?: AbortSignal): Promise<WorkflowDetails> {
    return this.json(workflowPath(type), workflowRequest(source, signal));
  }

  /**
   * Deletes a workflow that comes from a file; its jobs continue. Requires a key of the scope admin if the server has keys.
   * @throws MiddlewareError `WORKFLOW_NOT_FOUND` or `WORKFLOW_BUILT_IN`
   */
  async deleteWorkflow(type: string, signal?: AbortSignal): Promise<void> {
    await this.json<z.output<typeof workflowDeletedAnswer>>(workflowPath(type), {
      method: 'DELETE',
      signal: signal ?? null,
    });
  }

  /**
   * Runs a workflow and waits for its outputs: `run('my-flow', { image, prompt: 'a boat', seed: 7 })`. Aborting cancels the job,
   * unless it has an idempotency key. A submission that is under way then gets two seconds to end.
   * @param inputs by name; files are bytes or URLs
   * @throws JobNotCompleted if the job failed or was cancelled, and the errors of `submit` and `wait`
   */
  async run(type: string, inputs: Inputs, options: SubmitOptions & WaitOptions = {}): Promise<RunResult> {
    const { signal } = options;
    const isCancelledByAbort = signal !== undefined && options.idempotencyKey === undefined;
    const submit = (own: SubmitOptions) => this.submit(type, inputs, own);
    // The server may have created the job already, and only its response tells the id.
    const { job_id } = await (isCancelledByAbort
      ? withLateAbort(signal, SUBMISSION_GRACE_MS, (late) => submit({ ...options, signal: late }))
      : submit(options));
    let status: JobStatus;
    try {
      status = await this.wait(job_id, options);
    } catch (error) {
      // The job may have just ended, which is fine.
      if (isCancelledByAbort && signal.aborted) await this.cancel(job_id).catch(() => undefined);
      throw error;
    }
    if (status.status !== 'completed') throw new JobNotCompleted(status);
    return this.outcome(status);
  }

  /**
   * Runs a workflow in a single request, whose response is sent when the job ends: for short jobs. The server cancels the job if
   * the client closes the connection.
   * @throws MiddlewareError with the job's own code if it failed, and `SYNC_TIMEOUT` if it takes too long
   */
  async runNow(type: string, inputs: Inputs, options: SubmitOptions = {}): Promise<RunResult> {
    const answer = await this.#post<z.output<typeof anySyncAnswer>>(
      `/api/${encodeURIComponent(type)}`,
      inputs,
      options,
    );
    return this.#resultOf(answer.job_id, answer);
  }

  /**
   * Submits a job and returns without waiting for it. If it is aborted or fails on the way, the job may exist all the same: repeat it
   * with the same idempotency key to learn its id.
   * @param type such as `remove-background`
   * @param input the inputs by name, or the file for a workflow that takes one image
   */
  submit(type: string, input: Blob | Uint8Array | Inputs, options: SubmitOptions = {}): Promise<Accepted> {
    return this.#post(`/api/async/${encodeURIComponent(type)}`, input, options);
  }

  status(jobId: string, signal?: AbortSignal): Promise<JobStatus> {
    return this.json(`${jobPath(jobId)}/status`, { signal: signal ?? null });
  }

  /**
   * Waits until a job is completed, failed or cancelled: by events, or by polling if events do not get through. Retries while the
   * server is unreachable.
   * @throws MiddlewareError if the job does not exist (any more), the reason of the abort, the network error after the
   *   patience is over, or what `onStatus` throws or rejects with
   */
  wait(jobId: string, options: WaitOptions = {}): Promise<JobStatus> {
    const job = {
      status: (signal: AbortSignal | undefined) => this.status(jobId, signal),
      events: (signal: AbortSignal) => this.request(`${jobPath(jobId)}/events`, { signal }),
    };
    return waitForEnd(job, options);
  }

  /**
   * Returns the image of a completed job.
   * @throws MiddlewareError `JOB_NOT_COMPLETED`, `RESULT_EXPIRED`, `JOB_NOT_FOUND`
   */
  async result(jobId: string, signal?: AbortSignal): Promise<Blob> {
    return (await this.request(`${jobPath(jobId)}/result/image`, { signal: signal ?? null })).blob();
  }

  /** Returns the result of a completed job, with methods to fetch its outputs. */
  outcome(status: CompletedStatus): RunResult {
    return this.#resultOf(status.job_id, status);
  }

  /** Lists the newest jobs that the key may see. */
  jobs(filter: JobFilter = {}, signal?: AbortSignal): Promise<JobList> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(filter)) {
      if (value !== undefined) query.set(name, String(value));
    }
    return this.json(`/api/jobs/list?${query}`, { signal: signal ?? null });
  }

  /** Deletes a job and its outputs; a running job is cancelled. @throws MiddlewareError `JOB_NOT_FOUND` */
  async delete(jobId: string, signal?: AbortSignal): Promise<void> {
    await this.json<z.output<typeof deletedAnswer>>(jobPath(jobId), {
      method: 'DELETE',
      signal: signal ?? null,
    });
  }

  /** Cancels a waiting or running job. @throws MiddlewareError `JOB_ALREADY_FINISHED` */
  cancel(jobId: string, signal?: AbortSignal): Promise<JobStatus> {
    return this.json(`${jobPath(jobId)}/cancel`, { method: 'POST', signal: signal ?? null });
  }

  /** The events of the whole server, by name. Ends when the connection closes. */
  async *events(signal?: AbortSignal): AsyncGenerator<{ event: string; data: unknown }> {
    const open = (either: AbortSignal) => this.request('/api/events', { signal: either });
    for await (const { event = 'message', data } of readEvents(open, signal)) {
      yield { event, data: JSON.parse(data) };
    }
  }

  async #post<T>(path: string, input: Blob | Uint8Array | Inputs, options: SubmitOptions): Promise<T> {
    return this.json(path, await submissionRequest(input, options));
  }

  #resultOf(
    jobId: string,
    told: Pick<CompletedStatus, 'outputs' | 'seed' | 'seeds' | 'warnings'>,
  ): RunResult {
    const { outputs, seed, seeds, warnings = [] } = told;
    const files = outputs.map(
      (one) => new OutputFile(one, (url, signal) => this.request(url, { signal: signal ?? null })),
    );
    return { jobId, outputs: files as unknown as RunResult['outputs'], seed, seeds, warnings };
  }
}

function jobPath(jobId: string): string {
  return `/api/jobs/${encodeURIComponent(jobId)}`;
}

function workflowPath(type: string): string {
  return `/api/workflows/${encodeURIComponent(type)}`;
}
