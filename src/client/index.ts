import type { z } from 'zod';
import type { asyncAnswer, jobStatusAnswer } from '../schemas/jobs.js';
import type { healthAnswer } from '../schemas/status.js';
import type { workflowsAnswer } from '../schemas/workflows.js';
import { MiddlewareError } from './MiddlewareError.js';
import { pause, readEvents } from './waiting.js';

export { MiddlewareError };

/** A job's status, by its `status`. */
export type JobStatus = z.output<typeof jobStatusAnswer>;
/** The answer to a submission. */
export type Accepted = z.output<typeof asyncAnswer>;
export type Health = z.output<typeof healthAnswer>;
export type WorkflowDescription = z.output<typeof workflowsAnswer>['workflows'][number];

export interface ClientOptions {
  /** Such as `https://images.example`; the page's own server when it is left out in a browser. */
  readonly baseUrl?: string;
  /** Where the server has keys. */
  readonly apiKey?: string | undefined;
  /** In place of the global `fetch`. */
  readonly fetch?: typeof fetch;
}

export interface SubmitOptions {
  readonly format?: 'PNG' | 'JPEG' | 'WEBP';
  /** The workflow's own, such as `{ scale: 2 }`. */
  readonly parameters?: Readonly<Record<string, string | number | boolean>>;
  readonly filename?: string;
  /** The same key with the same image is the same job: for who may have to send it again. */
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

const FINISHED = new Set<JobStatus['status']>(['completed', 'failed', 'cancelled']);
/** Streams that broke without a word before the client only polls. */
const MAX_MUTE_STREAMS = 2;
const POLL_MS = 1000;
const PATIENCE_MS = 60_000;

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
   * Submits an image to a workflow and does not wait.
   * @param type such as `remove-background`
   */
  submit(type: string, image: Blob | Uint8Array, options: SubmitOptions = {}): Promise<Accepted> {
    const { format, parameters = {}, filename = 'image', idempotencyKey, signal } = options;
    const form = new FormData();
    for (const [name, value] of Object.entries({ ...parameters, ...(format ? { format } : {}) })) {
      form.set(name, String(value));
    }
    // A copy, since the bytes may be a part of something larger, or shared.
    form.set('imageFile', image instanceof Blob ? image : new Blob([new Uint8Array(image)]), filename);
    return this.json(`/api/async/${encodeURIComponent(type)}`, {
      method: 'POST',
      body: form,
      headers: idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey },
      signal: signal ?? null,
    });
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
  async wait(jobId: string, options: WaitOptions = {}): Promise<JobStatus> {
    const { onStatus, signal, pollMs = POLL_MS, patienceMs = PATIENCE_MS } = options;
    let mute = 0;
    let lastHeard = Date.now();
    const heard = (status: JobStatus) => {
      lastHeard = Date.now();
      onStatus?.(status);
      return FINISHED.has(status.status);
    };
    for (;;) {
      try {
        if (mute < MAX_MUTE_STREAMS) {
          mute += 1;
          for await (const status of this.#follow(jobId, signal)) {
            mute = 0;
            if (heard(status)) return status;
          }
        }
        const status = await this.status(jobId, signal);
        if (heard(status)) return status;
      } catch (error) {
        signal?.throwIfAborted();
        if (isFinal(error) || Date.now() - lastHeard > patienceMs) throw error;
      }
      await pause(pollMs, signal);
    }
  }

  /**
   * The image of a completed job.
   * @throws MiddlewareError `JOB_NOT_COMPLETED`, `RESULT_EXPIRED`, `JOB_NOT_FOUND`
   */
  async result(jobId: string, signal?: AbortSignal): Promise<Blob> {
    return (await this.request(`${jobPath(jobId)}/result/image`, { signal: signal ?? null })).blob();
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

  #send(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    for (const [name, value] of Object.entries(this.#headers)) headers.set(name, value);
    return this.#fetch(`${this.#baseUrl}${path}`, { ...init, headers });
  }

  async *#follow(jobId: string, signal: AbortSignal | undefined): AsyncGenerator<JobStatus> {
    const open = (either: AbortSignal) => this.request(`${jobPath(jobId)}/events`, { signal: either });
    for await (const { data } of readEvents(open, signal)) yield JSON.parse(data) as JobStatus;
  }
}

function jobPath(jobId: string): string {
  return `/api/jobs/${encodeURIComponent(jobId)}`;
}

/** Whether asking again would not help: the server understood, and says no. */
function isFinal(error: unknown): boolean {
  if (!(error instanceof MiddlewareError)) return false;
  return error.status >= 400 && error.status < 500 && error.status !== 408 && error.status !== 429;
}
