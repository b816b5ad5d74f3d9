import type { Readable } from 'node:stream';
import { type Dispatcher, Pool } from 'undici';
import type { z } from 'zod';
import { PromptError } from '../../errors.js';
import { DeadlineExceeded, withDeadline } from '../../utils/deadline.js';
import type { InstanceAddress } from '../../utils/instanceUrls.js';
import { parseMachineJson } from '../../utils/machineJson.js';
import { sleep } from '../../utils/timers.js';
import { NO_TRACING, type Tracing } from '../tracing/Tracing.js';
import { handOver, LocalFailure, readBody } from './answerBody.js';
import { type Exchanged, exchange, typeOf } from './exchange.js';
import { bodyHeaders, type RequestBody, Sending } from './requestBody.js';
import { transportError } from './transportErrors.js';

/** Maximum size of a response that lists prompts: each may contain an image as base64. */
export const MAX_PROMPTS_BYTES = 256 * 1024 * 1024;
/** Maximum size of any other response that is not a file. */
const MAX_JSON_BYTES = 16 * 1024 * 1024;

/** Longest wait for a file descriptor, and the interval of the attempts, ms. */
const SHORTAGE_PATIENCE_MS = 60_000;
const SHORTAGE_RETRY_MS = 250;

/** First parts of the paths of requests about prompts; all others are about the machine. */
const TRACED: ReadonlySet<string> = new Set(['upload', 'prompt', 'view', 'history', 'queue', 'interrupt']);

export interface TransportRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly path: string;
  readonly body?: RequestBody;
  readonly params?: Record<string, string>;
  /** Besides those of every request to the instance. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** From connecting to the last byte of the response. */
  readonly timeoutMs: number;
  /** Maximum size of the response. */
  readonly maxBytes?: number;
  /** The response is a file that the prompt produced. */
  readonly isResult?: boolean;
  /** Reads the body of a 200 as a stream; the result then has no body. Its error is the error of the request. */
  readonly receive?: (body: Readable, head: ResponseHead) => Promise<void>;
  /** Further statuses whose body `receive` reads. */
  readonly alsoReceives?: ReadonlySet<number> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Status and headers of a response. */
export interface ResponseHead {
  readonly status: number;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

type WholeAnswer = Pick<TransportAnswer, 'status' | 'bytes' | 'type'>;

/** The response of an instance. */
export class TransportAnswer {
  readonly status: number;
  readonly bytes: Buffer;
  /** The header `Content-Type`. */
  readonly type: string | undefined;
  readonly #action: string;

  constructor({ status, bytes, type }: WholeAnswer, action: string) {
    this.status = status;
    this.bytes = bytes;
    this.type = type;
    this.#action = action;
  }

  /** @throws PromptError `unexpected response` for any status other than 200 */
  expectOk(): void {
    if (this.status !== 200) throw this.unexpected(`answered ${this.status}`);
  }

  /** The body parsed by a schema. @throws PromptError `unexpected response` if it does not match */
  parse<T extends z.ZodType>(schema: T): z.output<T> {
    this.expectOk();
    const parsed = schema.safeParse(this.json());
    if (!parsed.success) throw this.unexpected("gave a response that is not ComfyUI's");
    return parsed.data;
  }

  /** The body as JSON, undefined if it is not JSON. */
  json(): unknown {
    try {
      return parseMachineJson(this.bytes.toString());
    } catch {
      return undefined;
    }
  }

  /** An error about a response that a working instance would not give. */
  unexpected(what: string): PromptError {
    return new PromptError('unexpected response', `${this.#action} ${what}`);
  }
}

/** The parts of a transport that differ between its users. */
interface TransportParts {
  readonly tracing?: Tracing;
  /** Called with the error each time a request finds no file descriptor for its connection. */
  onShortage?(error: PromptError): void;
}

/** HTTP to one instance: keep-alive connections, a timeout for each whole request, errors by category. */
export class HttpTransport {
  readonly #host: string;
  readonly #path: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #tracing: Tracing;
  readonly #onShortage: TransportParts['onShortage'];
  readonly #pool: Pool;

  /** @param stallMs how long a connection may take, and how long nothing may come on it, ms */
  constructor(
    address: InstanceAddress,
    headers: Readonly<Record<string, string>>,
    stallMs: number,
    { tracing = NO_TRACING, onShortage }: TransportParts = {},
  ) {
    const { origin, pathname } = new URL(address.baseUrl);
    this.#host = address.host;
    this.#path = pathname.replace(/\/$/, '');
    this.#headers = headers;
    this.#tracing = tracing;
    this.#onShortage = onShortage;
    // A machine that disappeared is detected long before the timeout of a whole transfer.
    this.#pool = new Pool(origin, {
      connect: { timeout: stallMs, ...address.tls },
      headersTimeout: stallMs,
      bodyTimeout: stallMs,
      pipelining: 1,
    });
  }

  /**
   * Sends a request; any status is a response. Without a file descriptor for its connection, it waits for one, for at most as long as the
   * request may take.
   * @throws PromptError by category; the signal's reason if it is aborted, unless a deadline was spent on the wait for a descriptor
   */
  async request(request: TransportRequest): Promise<TransportAnswer> {
    const { method, path } = request;
    const [, kind = ''] = path.split('/');
    if (this.#tracing.current === undefined || !TRACED.has(kind))
      return this.#sendWhenPossible(request, undefined);
    const attributes = { 'http.request.method': method, 'server.address': this.#host };
    return this.#tracing.trace(`${method} /${kind}`, { kind: 'client', attributes }, async (span) => {
      const answer = await this.#sendWhenPossible(request, span.traceparent);
      span.set({ 'http.response.status_code': answer.status });
      return answer;
    });
  }

  async #sendWhenPossible(
    request: TransportRequest,
    traceparent: string | undefined,
  ): Promise<TransportAnswer> {
    const { timeoutMs, signal } = request;
    const until = performance.now() + Math.min(timeoutMs, SHORTAGE_PATIENCE_MS);
    for (;;) {
      try {
        return await this.#send(request, traceparent);
      } catch (error) {
        if (!(error instanceof PromptError) || error.failure !== 'server exhausted') throw error;
        this.#onShortage?.(error);
        await sleep(SHORTAGE_RETRY_MS, signal);
        if (signal?.aborted && !(signal.reason instanceof DeadlineExceeded)) throw signal.reason;
        if (signal?.aborted || performance.now() > until) throw error;
      }
    }
  }

  async #send(request: TransportRequest, traceparent: string | undefined): Promise<TransportAnswer> {
    const { method, path, body, params, signal } = request;
    const action = `${method} ${path} on ${this.#host}`;
    const sending = body && new Sending(body.bytes);
    const options = {
      method,
      path: `${this.#path}${path}${params ? `?${new URLSearchParams(params)}` : ''}`,
      headers: {
        ...request.headers,
        ...this.#headers,
        ...(body ? bodyHeaders(body) : {}),
        ...(traceparent === undefined ? {} : { traceparent }),
      },
      body: sending?.content ?? null,
    };
    const maxBytes = request.maxBytes ?? MAX_JSON_BYTES;
    const whyTooLarge = () => tooLarge(action, maxBytes, request.isResult === true);
    try {
      const { status, bytes, type } = request.receive
        ? await this.#stream(options, request, request.receive, { action, maxBytes, whyTooLarge })
        : await exchange(this.#pool, options, { timeoutMs: request.timeoutMs, maxBytes, signal });
      if (!bytes) throw whyTooLarge();
      return new TransportAnswer({ status, bytes, type }, action);
    } catch (error) {
      signal?.throwIfAborted();
      // Failures on this side are not the instance's fault.
      if (error instanceof LocalFailure) throw error.cause;
      if (sending?.failure) throw sending.failure.error;
      throw transportError(action, error);
    }
  }

  /** Passes the body of a 200, or of a status that the request names, on as a stream; any other response is read. */
  #stream(
    options: Dispatcher.RequestOptions,
    { timeoutMs, signal, alsoReceives }: TransportRequest,
    receive: NonNullable<TransportRequest['receive']>,
    { action, maxBytes, whyTooLarge }: { action: string; maxBytes: number; whyTooLarge(): PromptError },
  ): Promise<Exchanged> {
    return withDeadline(timeoutMs, signal, async (both) => {
      const { statusCode: status, headers, body } = await this.#pool.request({ ...options, signal: both });
      const limit = { maxBytes, announced: Number(headers['content-length'] ?? 0), whyTooLarge };
      const isReceived = status === 200 || alsoReceives?.has(status) === true;
      const type = typeOf(headers);
      if (!isReceived) return { status, bytes: await readBody(body, limit), type };
      const take = (source: Readable) => receive(source, { status, headers });
      await handOver(body, limit, (error) => transportError(action, error), take);
      return { status, bytes: EMPTY, type };
    });
  }

  /** Closes the keep-alive connections. */
  close(): void {
    void this.#pool.destroy();
  }
}

const EMPTY = Buffer.alloc(0);

/** Only the size of a result is the prompt's fault: the queue contains the prompts of others. */
function tooLarge(action: string, maxBytes: number, isResult: boolean): PromptError {
  return isResult
    ? new PromptError('result too large', `The response to ${action} is larger than MAX_RESULT_SIZE.`)
    : new PromptError('unexpected response', `${action} gave more than ${maxBytes} bytes`);
}
