import type { z } from 'zod';
import type { anySyncAnswer, deletedAnswer } from '../schemas/jobs.js';
import type { workflowDeletedAnswer, workflowsAnswer } from '../schemas/workflows.js';
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
  SubmitOptions,
  WaitOptions,
  WorkflowDescription,
  WorkflowDetails,
  WorkflowSource,
} from './options.js';
import { type Inputs, submissionRequest } from './submissionRequest.js';
import { waitForEnd } from './waitForEnd.js';
import { readEvents } from './waiting.js';
import { workflowRequest } from './workflowRequest.js';

export type * from './options.js';
export type { FileValue, Inputs } from './submissionRequest.js';
export { JobNotCompleted, MiddlewareError, OutputFile };

/** A client of the server, for browsers and Node: `fetch` and nothing else. */
export class MiddlewareClient {
  readonly #baseUrl: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #fetch: typeof fetch;

  constructor({ baseUrl = '', apiKey, fetch: own }: ClientOptions = {}) {
    this.#baseUrl = baseUrl.replace(/\/+$/, '');
    this.#headers = apiKey ? { 'X-API-Key': apiKey } : {};
    // A browser's fetch wants to be called on its window.
    this.#fetch = own ?? ((input, init) => fetch(input, init));
  }

  /**
   * Asks the server anything.
   * @returns the answer, when it is a success
   * @throws MiddlewareError for any other answer; TypeError when the server is out of reach
   */
  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await this.#send(path, init);
    if (!response.ok) throw await MiddlewareError.from(response);
    return response;
  }

  /** The same, for an answer in JSON. */
  async json<T>(path: string, init: RequestInit = {}): Promise<T> {
    return (await (await this.request(path, init)).json()) as T;
  }

  /** The server's health. A critical server answers 503 with the whole report, which is no error here. */
  async health(signal?: AbortSignal): Promise<Health> {
    const response = await this.#send('/health', { signal: signal ?? null });
    if (!response.ok && response.status !== 503) throw await MiddlewareError.from(response);
    return (await response.json()) as Health;
  }

  /** What can be run. */
  async workflows(signal?: AbortSignal): Promise<WorkflowDescription[]> {
    const answer = await this.json<z.output<typeof workflowsAnswer>>('/api/workflows', {
      signal: signal ?? null,
    });
    return answer.workflows;
  }

  /**
   * One workflow. JavaScript rounds integers of its graph beyond 2^53: `request` has the text.
   * @throws MiddlewareError `WORKFLOW_NOT_FOUND`
   */
  workflow(type: string, signal?: AbortSignal): Promise<WorkflowDetails> {
    return this.json(workflowPath(type), { signal: signal ?? null });
  }

  /**
   * Keeps a graph as a workflow, in place of one of the same type. Needs a key of the scope admin, where there are keys.
   * @returns the workflow with its manifest, which was derived where none was sent
   * @throws MiddlewareError `INVALID_WORKFLOW`, `WORKFLOW_FORMAT_UI` or `WORKFLOW_BUILT_IN`
   */
  async putWorkflow(type: string, source: WorkflowSource, signal?: AbortSignal): Promise<WorkflowDetails> {
    return this.json(workflowPath(type), workflowRequest(source, signal));
  }

  /**
   * Removes a workflow that comes of a file; its jobs go on. Needs a key of the scope admin, where there are keys.
   * @throws MiddlewareError `WORKFLOW_NOT_FOUND` or `WORKFLOW_BUILT_IN`
   */
  async deleteWorkflow(type: string, signal?: AbortSignal): Promise<void> {
    await this.json<z.output<typeof workflowDeletedAnswer>>(workflowPath(type), {
      method: 'DELETE',
      signal: signal ?? null,
    });
  }

  /**
   * Runs a workflow and waits for what it makes: `run('my-flow', { image, prompt: 'a boat', seed: 7 })`. Whoever aborts
   * cancels the job, unless there is a key to ask for it again.
   * @param inputs by their names; files are bytes or addresses
   * @throws JobNotCompleted when the job failed or was cancelled, and what `submit` and `wait` throw
   */
  async run(type: string, inputs: Inputs, options: SubmitOptions & WaitOptions = {}): Promise<RunResult> {
    const { job_id } = await this.submit(type, inputs, options);
    let status: JobStatus;
    try {
      status = await this.wait(job_id, options);
    } catch (error) {
      const isUnwanted = options.signal?.aborted && options.idempotencyKey === undefined;
      // It may have ended in the same moment, which is as good.
      if (isUnwanted) await this.cancel(job_id).catch(() => undefined);
      throw error;
    }
    if (status.status !== 'completed') throw new JobNotCompleted(status);
    return this.outcome(status);
  }

  /**
   * The same in one request, which the server answers when the job is done: for short jobs. The server cancels the job
   * of a client that hangs up.
   * @throws MiddlewareError with the job's own code when it failed, and `SYNC_TIMEOUT` when it takes too long
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
   * Submits to a workflow and does not wait.
   * @param type such as `remove-background`
   * @param input the inputs by their names, or the file of a workflow that takes one image
   */
  submit(type: string, input: Blob | Uint8Array | Inputs, options: SubmitOptions = {}): Promise<Accepted> {
    return this.#post(`/api/async/${encodeURIComponent(type)}`, input, options);
  }

  status(jobId: string, signal?: AbortSignal): Promise<JobStatus> {
    return this.json(`${jobPath(jobId)}/status`, { signal: signal ?? null });
  }

  /**
   * Waits until a job is completed, failed or cancelled: by events, and by polling where those do not get through.
   * A server that is out of reach for a while is asked again.
   * @throws MiddlewareError when the job is not there (any more), whatever the signal was aborted with, or the
   * network's error once the patience is over
   */
  wait(jobId: string, options: WaitOptions = {}): Promise<JobStatus> {
    const job = {
      status: (signal: AbortSignal | undefined) => this.status(jobId, signal),
      events: (signal: AbortSignal) => this.request(`${jobPath(jobId)}/events`, { signal }),
    };
    return waitForEnd(job, options);
  }

  /**
   * The image of a completed job.
   * @throws MiddlewareError `JOB_NOT_COMPLETED`, `RESULT_EXPIRED`, `JOB_NOT_FOUND`
   */
  async result(jobId: string, signal?: AbortSignal): Promise<Blob> {
    return (await this.request(`${jobPath(jobId)}/result/image`, { signal: signal ?? null })).blob();
  }

  /** What came of a job that is completed: where its outputs are, with ways to fetch them. */
  outcome(status: CompletedStatus): RunResult {
    return this.#resultOf(status.job_id, status);
  }

  /** The newest jobs, of those that the key may see. */
  jobs(filter: JobFilter = {}, signal?: AbortSignal): Promise<JobList> {
    const query = new URLSearchParams(
      Object.entries(filter).map(([name, value]): [string, string] => [name, String(value)]),
    );
    return this.json(`/api/jobs/list?${query}`, { signal: signal ?? null });
  }

  /** Forgets a job and its outputs; one that is running is cancelled. @throws MiddlewareError `JOB_NOT_FOUND` */
  async delete(jobId: string, signal?: AbortSignal): Promise<void> {
    await this.json<z.output<typeof deletedAnswer>>(jobPath(jobId), {
      method: 'DELETE',
      signal: signal ?? null,
    });
  }

  /** Takes a job out of the queue, or interrupts it. @throws MiddlewareError `JOB_ALREADY_FINISHED` */
  cancel(jobId: string, signal?: AbortSignal): Promise<JobStatus> {
    return this.json(`${jobPath(jobId)}/cancel`, { method: 'POST', signal: signal ?? null });
  }

  /** What happens in the whole system, by the events' names. Ends when the connection does. */
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
    const files = outputs.map((one) => new OutputFile(one, (url, signal) => this.#fetchOutput(url, signal)));
    return { jobId, outputs: files as unknown as RunResult['outputs'], seed, seeds, warnings };
  }

  /** An output may lie elsewhere, under an address that is signed: the key is not for that server. */
  async #fetchOutput(url: string, signal: AbortSignal | undefined): Promise<Response> {
    const init = { signal: signal ?? null };
    if (!/^https?:\/\//i.test(url)) return this.request(url, init);
    const response = await this.#fetch(url, init);
    if (!response.ok) throw await MiddlewareError.from(response);
    return response;
  }

  #send(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    for (const [name, value] of Object.entries(this.#headers)) headers.set(name, value);
    return this.#fetch(`${this.#baseUrl}${path}`, { ...init, headers });
  }
}

function jobPath(jobId: string): string {
  return `/api/jobs/${encodeURIComponent(jobId)}`;
}

function workflowPath(type: string): string {
  return `/api/workflows/${encodeURIComponent(type)}`;
}
