import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import axios, { type AxiosInstance, type AxiosResponse } from 'axios';
import type { z } from 'zod';
import { type AppError, PromptError } from '../../errors.js';
import type { InstanceAddress } from '../../utils/instanceUrls.js';
import type { PromptGraph } from '../../workflows/types.js';
import { encodePromptBody } from './promptBody.js';
import {
  type HistoryEntry,
  historyAnswer,
  type ImageFile,
  type NodeInfo,
  objectInfoAnswer,
  queueAnswer,
  submitAnswer,
  submitRefusal,
  systemStats,
} from './protocol.js';
import { transportError } from './transportErrors.js';

export interface ComfyClientOptions {
  /** One header sent with every request, such as an authorization; never logged. */
  readonly authHeader?: { readonly name: string; readonly value: string } | undefined;
  /** Milliseconds for small requests: checks, queue, interrupt. */
  readonly controlTimeoutMs: number;
  /** Milliseconds for requests that carry an image. */
  readonly transferTimeoutMs: number;
  /** Bytes taken from one `GET /view`. */
  readonly maxResultBytes: number;
}

/** Most bytes taken from an answer that is not an image: a history entry holds the whole prompt as base64. */
const MAX_JSON_BYTES = 256 * 1024 * 1024;

interface Request {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: Buffer;
  readonly params?: Record<string, string>;
  readonly timeoutMs: number;
  readonly maxBytes?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * One instance's HTTP API. Every method rejects with a `PromptError` (category and whether to retry) or, when
 * its `signal` is aborted, with that signal's reason.
 */
export class ComfyClient {
  readonly address: InstanceAddress;
  readonly #options: ComfyClientOptions;
  readonly #http: AxiosInstance;
  readonly #agents: readonly [HttpAgent, HttpsAgent];

  constructor(address: InstanceAddress, options: ComfyClientOptions) {
    this.address = address;
    this.#options = options;
    this.#agents = [new HttpAgent({ keepAlive: true }), new HttpsAgent({ keepAlive: true })];
    this.#http = axios.create({
      baseURL: address.baseUrl,
      httpAgent: this.#agents[0],
      httpsAgent: this.#agents[1],
      // The instances are machines of the team's own network: an HTTP_PROXY of the environment is not for them.
      proxy: false,
      maxRedirects: 0,
      responseType: 'arraybuffer',
      maxBodyLength: Number.POSITIVE_INFINITY,
      validateStatus: () => true,
      headers: options.authHeader ? { [options.authHeader.name]: options.authHeader.value } : {},
    });
  }

  /** `GET /system_stats`: answers when the instance is alive. */
  async systemStats(signal?: AbortSignal): Promise<{ version: string | undefined }> {
    const stats = await this.#json('/system_stats', systemStats, signal);
    return { version: stats.system?.comfyui_version };
  }

  /** `GET /object_info/{class}`; undefined when the instance does not have that node class. */
  async nodeInfo(className: string, signal?: AbortSignal): Promise<NodeInfo | undefined> {
    const answer = await this.#json(
      `/object_info/${encodeURIComponent(className)}`,
      objectInfoAnswer,
      signal,
    );
    return answer[className];
  }

  /**
   * `POST /prompt`.
   * @returns the id that ComfyUI gave the prompt: older servers do not take the one that was asked for
   * @throws PromptError `workflow_validation` with ComfyUI's own message when it refuses the prompt
   */
  async submit(
    body: { graph: PromptGraph; clientId: string; promptId: string },
    signal?: AbortSignal,
  ): Promise<{ promptId: string }> {
    const response = await this.#request({
      method: 'POST',
      path: '/prompt',
      body: encodePromptBody(body),
      timeoutMs: this.#options.transferTimeoutMs,
      signal,
    });
    if (response.status === 400) throw this.#refusal(response);
    if (response.status === 413) {
      throw new PromptError('ComfyUI does not take a prompt of this size (see its --max-upload-size).', {
        category: 'workflow_validation',
        retryable: false,
      });
    }
    return { promptId: this.#parse(response, 'POST /prompt', submitAnswer).prompt_id };
  }

  /** `GET /history/{id}`; undefined while the prompt is unknown or not finished. */
  async historyEntry(promptId: string, signal?: AbortSignal): Promise<HistoryEntry | undefined> {
    const path = `/history/${encodeURIComponent(promptId)}`;
    const response = await this.#request({
      method: 'GET',
      path,
      timeoutMs: this.#options.transferTimeoutMs,
      signal,
    });
    return this.#parse(response, 'GET /history', historyAnswer)[promptId];
  }

  /** `GET /queue`, reduced to ids. The answer carries every queued image: not for frequent use. */
  async queue(signal?: AbortSignal): Promise<{ running: string[]; pending: string[] }> {
    const response = await this.#request({
      method: 'GET',
      path: '/queue',
      timeoutMs: this.#options.transferTimeoutMs,
      signal,
    });
    const answer = this.#parse(response, 'GET /queue', queueAnswer);
    return { running: answer.queue_running, pending: answer.queue_pending };
  }

  /**
   * `GET /view`: the bytes of an output file.
   * @throws PromptError `result_missing` when the file is not there or larger than is taken
   */
  async view(file: ImageFile, signal?: AbortSignal): Promise<Buffer> {
    const response = await this.#request({
      method: 'GET',
      path: '/view',
      params: { filename: file.filename, subfolder: file.subfolder, type: file.type },
      timeoutMs: this.#options.transferTimeoutMs,
      maxBytes: this.#options.maxResultBytes,
      signal,
    });
    if (response.status === 404) {
      throw new PromptError(`ComfyUI no longer has the result file of this prompt.`, {
        category: 'result_missing',
        retryable: true,
      });
    }
    this.#expectOk(response, 'GET /view');
    return response.data;
  }

  /** Forgets a finished prompt, with the image that it carries. */
  async deleteHistory(promptId: string, signal?: AbortSignal): Promise<void> {
    await this.#post('/history', { delete: [promptId] }, signal);
  }

  /** Takes a pending prompt out of the queue; leaves a running one alone. */
  async deletePending(promptId: string, signal?: AbortSignal): Promise<void> {
    await this.#post('/queue', { delete: [promptId] }, signal);
  }

  /**
   * Stops a prompt at its node's next check. An older ComfyUI ignores the id and stops whatever is running, so
   * ask `queue` first who that is.
   */
  async interrupt(promptId: string, signal?: AbortSignal): Promise<void> {
    await this.#post('/interrupt', { prompt_id: promptId }, signal);
  }

  /** Closes the kept-alive sockets. */
  close(): void {
    for (const agent of this.#agents) agent.destroy();
  }

  async #json<T extends z.ZodType>(path: string, schema: T, signal?: AbortSignal): Promise<z.output<T>> {
    const response = await this.#request({
      method: 'GET',
      path,
      timeoutMs: this.#options.controlTimeoutMs,
      signal,
    });
    return this.#parse(response, `GET ${path}`, schema);
  }

  async #post(path: string, body: unknown, signal?: AbortSignal): Promise<void> {
    const response = await this.#request({
      method: 'POST',
      path,
      body: Buffer.from(JSON.stringify(body)),
      timeoutMs: this.#options.controlTimeoutMs,
      signal,
    });
    this.#expectOk(response, `POST ${path}`);
  }

  async #request(request: Request): Promise<AxiosResponse<Buffer>> {
    const deadline = AbortSignal.timeout(request.timeoutMs);
    const signal = request.signal ? AbortSignal.any([request.signal, deadline]) : deadline;
    try {
      return await this.#http.request<Buffer>({
        method: request.method,
        url: request.path,
        signal,
        maxContentLength: request.maxBytes ?? MAX_JSON_BYTES,
        ...(request.params ? { params: request.params } : {}),
        ...(request.body ? { data: request.body, headers: { 'Content-Type': 'application/json' } } : {}),
      });
    } catch (error) {
      request.signal?.throwIfAborted();
      if (axios.isAxiosError(error) && /maxContentLength/.test(error.message)) throw this.#tooLarge(request);
      throw transportError(this.address.host, `${request.method} ${request.path}`, error, deadline.aborted);
    }
  }

  #tooLarge(request: Request): AppError {
    return new PromptError(`The answer to ${request.method} ${request.path} is larger than is taken.`, {
      category: 'result_missing',
      retryable: false,
    });
  }

  #expectOk(response: AxiosResponse<Buffer>, action: string): void {
    if (response.status === 200) return;
    throw new PromptError(`${action} on ${this.address.host} answered ${response.status}`, {
      category: 'instance_unavailable',
      retryable: true,
    });
  }

  #parse<T extends z.ZodType>(response: AxiosResponse<Buffer>, action: string, schema: T): z.output<T> {
    this.#expectOk(response, action);
    const parsed = schema.safeParse(tryJson(response.data));
    if (parsed.success) return parsed.data;
    throw new PromptError(`${action} on ${this.address.host} answered something that ComfyUI does not`, {
      category: 'instance_unavailable',
      retryable: true,
      cause: parsed.error,
    });
  }

  #refusal(response: AxiosResponse<Buffer>): PromptError {
    const parsed = submitRefusal.safeParse(tryJson(response.data));
    if (!parsed.success) {
      return new PromptError(`POST /prompt on ${this.address.host} answered 400`, {
        category: 'instance_unavailable',
        retryable: true,
      });
    }
    const { error, node_errors } = parsed.data;
    const first = Object.entries(node_errors)[0];
    const reason = first?.[1].errors[0];
    const about = [reason?.message, reason?.details].filter(Boolean).join(': ');
    return new PromptError(
      `ComfyUI refused the workflow: ${[error.message, about].filter(Boolean).join(' ')}`,
      {
        category: 'workflow_validation',
        retryable: false,
        details: {
          type: error.type,
          message: error.message,
          details: error.details,
          ...(first ? { node_id: first[0], node_class: first[1].class_type } : {}),
          node_errors,
        },
      },
    );
  }
}

function tryJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
