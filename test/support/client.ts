import type { z } from 'zod';
import { errorAnswer } from '../../src/schemas/common.js';
import { asyncAnswer, jobStatusAnswer, syncAnswer } from '../../src/schemas/jobs.js';
import { expectConforming } from './conformance.js';

export type JobStatusBody = z.output<typeof jobStatusAnswer>;

interface SubmitOptions {
  readonly fields?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly filename?: string;
  readonly field?: string;
  readonly signal?: AbortSignal;
}

const FINISHED = new Set(['completed', 'failed', 'cancelled']);

/** A client as users write one: fetch, forms, polling. Every JSON response is validated by its schema. */
export class Client {
  readonly baseUrl: string;
  readonly #headers: Readonly<Record<string, string>>;

  /** @param headers sent with every request, such as an API key */
  constructor(baseUrl: string, headers: Readonly<Record<string, string>> = {}) {
    this.baseUrl = baseUrl;
    this.#headers = headers;
  }

  request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers({ ...this.#headers, ...(init.headers as Record<string, string>) });
    return fetch(`${this.baseUrl}${path}`, { ...init, headers });
  }

  /** Requests a JSON response with the given status and validates it by the schema. */
  async json<T extends z.ZodType>(
    path: string,
    schema: T,
    { status = 200, ...init }: RequestInit & { status?: number } = {},
  ): Promise<z.output<T>> {
    return readJson(await this.request(path, init), schema, status, init.method ?? 'GET');
  }

  /** Requests an error response with the given status. */
  error(path: string, status: number, init: RequestInit = {}): Promise<z.output<typeof errorAnswer>> {
    return this.json(path, errorAnswer, { ...init, status });
  }

  /** Posts an image to a processing route. */
  post(path: string, image: Uint8Array, options: SubmitOptions = {}): Promise<Response> {
    const form = new FormData();
    const file = new Blob([new Uint8Array(image)]);
    form.set(options.field ?? 'imageFile', file, options.filename ?? 'picture.png');
    for (const [name, value] of Object.entries(options.fields ?? {})) form.set(name, value);
    return this.request(path, {
      method: 'POST',
      body: form,
      ...(options.headers ? { headers: options.headers } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  }

  /** Posts an image to a route that is expected to return an error. */
  async refused(
    path: string,
    image: Uint8Array,
    status: number,
    options: SubmitOptions = {},
  ): Promise<z.output<typeof errorAnswer>> {
    return readJson(await this.post(path, image, options), errorAnswer, status);
  }

  /** Submits a job. */
  async submit(type: string, image: Uint8Array, fields: Record<string, string> = {}): Promise<string> {
    const response = await this.post(`/api/async/${type}`, image, { fields });
    return (await readJson(response, asyncAnswer, 202)).job_id;
  }

  /** Processes an image and waits for the result. */
  async process(
    type: string,
    image: Uint8Array,
    fields: Record<string, string> = {},
  ): Promise<{ body: z.output<typeof syncAnswer>; image: Buffer }> {
    const body = await readJson(await this.post(`/api/${type}`, image, { fields }), syncAnswer, 200);
    const base64 = body.result.image_base64.split(',')[1] ?? '';
    return { body, image: Buffer.from(base64, 'base64') };
  }

  status(id: string): Promise<JobStatusBody> {
    return this.json(`/api/jobs/${id}/status`, jobStatusAnswer);
  }

  /** Polls until the job has ended; calls `onStatus` with every status. */
  async finished(
    id: string,
    onStatus: (status: JobStatusBody) => void = () => undefined,
  ): Promise<JobStatusBody> {
    return this.until(id, (status) => FINISHED.has(status.status), onStatus);
  }

  /** Polls until the job's status meets the condition. */
  async until(
    id: string,
    isReached: (status: JobStatusBody) => boolean,
    onStatus: (status: JobStatusBody) => void = () => undefined,
  ): Promise<JobStatusBody> {
    for (;;) {
      const status = await this.status(id);
      onStatus(status);
      if (isReached(status)) return status;
      if (FINISHED.has(status.status)) throw new Error(`the job ended as ${JSON.stringify(status)}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** The bytes of a completed job's result. */
  async resultImage(id: string): Promise<Buffer> {
    const response = await this.request(`/api/jobs/${id}/result/image`);
    if (response.status !== 200) throw new Error(`no result: ${response.status} ${await response.text()}`);
    return Buffer.from(await response.arrayBuffer());
  }
}

async function readJson<T extends z.ZodType>(
  response: Response,
  schema: T,
  status: number,
  method?: string,
): Promise<z.output<T>> {
  const text = await response.text();
  if (response.status !== status) {
    throw new Error(`expected ${status}, got ${response.status}: ${text.slice(0, 500)}`);
  }
  if (!response.headers.get('content-type')?.startsWith('application/json')) {
    throw new Error(`expected JSON, got ${response.headers.get('content-type')}`);
  }
  const body: unknown = JSON.parse(text);
  expectConforming(new URL(response.url).pathname, status, body, method);
  return schema.parse(body);
}
