import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import axios, { type AxiosInstance } from 'axios';
import type { z } from 'zod';
import { PromptError } from '../../errors.js';
import { DeadlineExceeded, withDeadline } from '../../utils/deadline.js';
import type { InstanceAddress } from '../../utils/instanceUrls.js';
import { transportError } from './transportErrors.js';

/** Most bytes taken from an answer that is not an image: a history entry holds the whole prompt as base64. */
const MAX_JSON_BYTES = 256 * 1024 * 1024;

export interface TransportRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** JSON. */
  readonly body?: Buffer;
  readonly params?: Record<string, string>;
  /** For the whole of it, from connecting to the answer's last byte. */
  readonly timeoutMs: number;
  /** Most bytes taken as the answer. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal | undefined;
}

/** What an instance answered. */
export class TransportAnswer {
  readonly status: number;
  readonly bytes: Buffer;
  readonly #action: string;

  constructor(status: number, bytes: Buffer, action: string) {
    this.status = status;
    this.bytes = bytes;
    this.#action = action;
  }

  /** @throws PromptError `instance_unavailable` for any other status than 200 */
  expectOk(): void {
    if (this.status !== 200) throw this.unexpected(`answered ${this.status}`);
  }

  /** The body by its schema. @throws PromptError `instance_unavailable` when it is not what ComfyUI answers */
  parse<T extends z.ZodType>(schema: T): z.output<T> {
    this.expectOk();
    const parsed = schema.safeParse(this.json());
    if (!parsed.success) throw this.unexpected('answered something that ComfyUI does not');
    return parsed.data;
  }

  /** The body as JSON, undefined when it is none. */
  json(): unknown {
    try {
      return JSON.parse(this.bytes.toString());
    } catch {
      return undefined;
    }
  }

  /** An error about an answer that an instance in order would not give. */
  unexpected(what: string): PromptError {
    return new PromptError(`${this.#action} ${what}`, { category: 'instance_unavailable', retryable: true });
  }
}

/** HTTP to one instance: kept-alive connections, a time for the whole of each request, errors by category. */
export class HttpTransport {
  readonly #host: string;
  readonly #http: AxiosInstance;
  readonly #agents: readonly [HttpAgent, HttpsAgent];

  /** @param stallMs how long a connection may take, and how long nothing may move on it, ms */
  constructor(address: InstanceAddress, headers: Readonly<Record<string, string>>, stallMs: number) {
    this.#host = address.host;
    this.#agents = [new HttpAgent({ keepAlive: true }), new HttpsAgent({ keepAlive: true })];
    this.#http = axios.create({
      baseURL: address.baseUrl,
      httpAgent: this.#agents[0],
      httpsAgent: this.#agents[1],
      // The instances are machines of the team's own network: an HTTP_PROXY of the environment is not for them.
      proxy: false,
      maxRedirects: 0,
      // In Node this is the socket's time without activity: a machine that vanished is noticed long before the
      // time for a whole transfer is over.
      timeout: stallMs,
      responseType: 'arraybuffer',
      maxBodyLength: Number.POSITIVE_INFINITY,
      validateStatus: () => true,
      headers: { ...headers },
    });
  }

  /**
   * Sends one request; any status is an answer.
   * @throws PromptError by category, or the signal's reason when it is aborted
   */
  async request(request: TransportRequest): Promise<TransportAnswer> {
    const { method, path, signal } = request;
    const action = `${method} ${path} on ${this.#host}`;
    return withDeadline(request.timeoutMs, signal, async (both) => {
      try {
        const { status, data } = await this.#http.request<Buffer>({
          method,
          url: path,
          signal: both,
          maxContentLength: request.maxBytes ?? MAX_JSON_BYTES,
          ...(request.params ? { params: request.params } : {}),
          ...(request.body ? { data: request.body, headers: { 'Content-Type': 'application/json' } } : {}),
        });
        return new TransportAnswer(status, data, action);
      } catch (error) {
        signal?.throwIfAborted();
        if (axios.isAxiosError(error) && /maxContentLength/.test(error.message)) throw tooLarge(action);
        throw transportError(action, error, both.reason instanceof DeadlineExceeded);
      }
    });
  }

  /** Closes the kept-alive connections. */
  close(): void {
    for (const agent of this.#agents) agent.destroy();
  }
}

function tooLarge(action: string): PromptError {
  return new PromptError(`The answer to ${action} is larger than is taken.`, {
    category: 'result_missing',
    retryable: false,
  });
}
