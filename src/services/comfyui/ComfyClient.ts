import type { z } from 'zod';
import { PromptError } from '../../errors.js';
import { unlessAborted } from '../../utils/deadline.js';
import type { InstanceAddress } from '../../utils/instanceUrls.js';
import type { Turns } from '../../utils/turns.js';
import type { PromptGraph } from '../../workflows/types.js';
import { HttpTransport, type TransportAnswer } from './HttpTransport.js';
import { encodePromptBody, imageBytes } from './promptBody.js';
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

export interface ComfyClientOptions {
  /** Sent with every request, such as an authorization; never logged. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds for small requests (checks, interrupt), and that a larger one may stand still. */
  readonly controlTimeoutMs: number;
  /** Milliseconds for the whole of a request that carries an image. */
  readonly transferTimeoutMs: number;
  /** Bytes taken from one `GET /view`. */
  readonly maxResultBytes: number;
}

/** Ids of the prompts that an instance has not finished. */
interface QueuedPrompts {
  readonly running: readonly string[];
  readonly pending: readonly string[];
}

interface QueueLook {
  /** `performance.now()`. */
  readonly beganAt: number;
  readonly queue: Promise<QueuedPrompts>;
}

/**
 * One instance's HTTP API. Every method rejects with a `PromptError` (category and whether to retry) or, when
 * its `signal` is aborted, with that signal's reason.
 */
export class ComfyClient {
  readonly address: InstanceAddress;
  readonly #options: ComfyClientOptions;
  readonly #turns: Turns;
  readonly #transport: HttpTransport;
  #lastLook: QueueLook | undefined;

  constructor(address: InstanceAddress, options: ComfyClientOptions, turns: Turns) {
    this.address = address;
    this.#options = options;
    this.#turns = turns;
    this.#transport = new HttpTransport(address, options.headers, options.controlTimeoutMs);
  }

  /** `GET /system_stats`: answers when the instance is alive. */
  async systemStats(signal?: AbortSignal): Promise<{ version: string | undefined }> {
    const stats = await this.#get('/system_stats', systemStats, this.#options.controlTimeoutMs, signal);
    return { version: stats.system?.comfyui_version };
  }

  /** `GET /object_info/{class}`; undefined when the instance does not have that node class. */
  async nodeInfo(className: string, signal?: AbortSignal): Promise<NodeInfo | undefined> {
    const path = `/object_info/${encodeURIComponent(className)}`;
    return (await this.#get(path, objectInfoAnswer, this.#options.controlTimeoutMs, signal))[className];
  }

  /**
   * `POST /prompt`.
   * @returns the id that ComfyUI gave the prompt: older servers do not take the one that was asked for
   * @throws PromptError `workflow_validation` with ComfyUI's own message when it refuses the prompt
   */
  async submit(
    prompt: { graph: PromptGraph; clientId: string; promptId: string },
    signal?: AbortSignal,
  ): Promise<{ promptId: string }> {
    await this.#turns.take(imageBytes(prompt.graph));
    const answer = await this.#transport.request({
      method: 'POST',
      path: '/prompt',
      body: encodePromptBody(prompt),
      timeoutMs: this.#options.transferTimeoutMs,
      signal,
    });
    if (answer.status === 400) throw refusal(answer);
    if (answer.status === 413) {
      throw new PromptError('ComfyUI does not take a prompt of this size (see its --max-upload-size).', {
        category: 'workflow_validation',
        retryable: false,
      });
    }
    return { promptId: answer.parse(submitAnswer).prompt_id };
  }

  /** `GET /history/{id}`; undefined while the prompt is unknown or not finished. */
  async historyEntry(promptId: string, signal?: AbortSignal): Promise<HistoryEntry | undefined> {
    const path = `/history/${encodeURIComponent(promptId)}`;
    return (await this.#get(path, historyAnswer, this.#options.transferTimeoutMs, signal))[promptId];
  }

  /**
   * `GET /queue`, reduced to ids. The answer carries every queued image: not for frequent use, and one answer serves
   * all who would take it.
   * @param since `performance.now()` of the oldest look that will do
   */
  async queue(signal: AbortSignal, since = performance.now()): Promise<QueuedPrompts> {
    const last = this.#lastLook;
    const look = last && last.beganAt >= since ? last : this.#beginLook();
    return unlessAborted(look.queue, signal);
  }

  /**
   * `GET /view`: the bytes of an output file.
   * @throws PromptError `result_missing` when the file is not there or larger than is taken
   */
  async view(file: ImageFile, signal?: AbortSignal): Promise<Buffer> {
    const answer = await this.#transport.request({
      method: 'GET',
      path: '/view',
      params: { filename: file.filename, subfolder: file.subfolder, type: file.type },
      timeoutMs: this.#options.transferTimeoutMs,
      maxBytes: this.#options.maxResultBytes,
      signal,
    });
    if (answer.status === 404) {
      throw new PromptError('ComfyUI no longer has the result file of this prompt.', {
        category: 'result_missing',
        retryable: true,
      });
    }
    answer.expectOk();
    return answer.bytes;
  }

  /** Forgets finished prompts, with the images that they carry. */
  async deleteHistory(promptIds: readonly string[], signal?: AbortSignal): Promise<void> {
    await this.#post('/history', { delete: promptIds }, signal);
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

  /**
   * `POST /free`: drops the models and what is cached of earlier runs from the machine's memory, as soon as
   * nothing runs.
   */
  async freeMemory(signal?: AbortSignal): Promise<void> {
    await this.#post('/free', { unload_models: true, free_memory: true }, signal);
  }

  /** Closes the kept-alive connections. */
  close(): void {
    this.#transport.close();
  }

  #beginLook(): QueueLook {
    const look = { beganAt: performance.now(), queue: this.#askQueue() };
    this.#lastLook = look;
    look.queue.catch(() => {
      if (this.#lastLook === look) this.#lastLook = undefined;
    });
    return look;
  }

  /** Not aborted with whoever asked first: others may wait for it too. */
  async #askQueue(): Promise<QueuedPrompts> {
    const answer = await this.#get('/queue', queueAnswer, this.#options.transferTimeoutMs);
    return { running: answer.queue_running, pending: answer.queue_pending };
  }

  async #get<T extends z.ZodType>(
    path: string,
    schema: T,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<z.output<T>> {
    return (await this.#transport.request({ method: 'GET', path, timeoutMs, signal })).parse(schema);
  }

  async #post(path: string, body: unknown, signal?: AbortSignal): Promise<void> {
    const answer = await this.#transport.request({
      method: 'POST',
      path,
      body: Buffer.from(JSON.stringify(body)),
      timeoutMs: this.#options.controlTimeoutMs,
      signal,
    });
    answer.expectOk();
  }
}

function refusal(answer: TransportAnswer): PromptError {
  const parsed = submitRefusal.safeParse(answer.json());
  if (!parsed.success) return answer.unexpected('answered 400');
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
