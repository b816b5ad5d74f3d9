import type { z } from 'zod';
import { unlessAborted } from '../../utils/deadline.js';
import { jsonMembers } from '../../utils/jsonMembers.js';
import { type HttpTransport, MAX_PROMPTS_BYTES, type TransportAnswer } from './HttpTransport.js';
import { type HistoryEntry, historyAnswer, type QueuedPrompt, queueAnswer } from './protocol.js';
import { SharedLook } from './SharedLook.js';

/** Ids of the unfinished prompts of an instance. */
interface QueuedIds {
  readonly running: readonly string[];
  readonly pending: readonly string[];
}

/** A history entry with the JSON of its outputs, by node, as the machine wrote it. */
export type FoundEntry = HistoryEntry & { readonly outputTexts: () => ReadonlyMap<string, string> };

/** Read-only requests about an instance's prompts. Every method rejects like those of `ComfyClient`. */
export class PromptQueries {
  readonly #transport: HttpTransport;
  readonly #timeoutMs: number;
  /** Not aborted with its first caller: others may wait for it, too. */
  readonly #queueLook = new SharedLook(() => this.#get('/queue', queueAnswer));

  /** @param timeoutMs of a whole request: its response may contain images */
  constructor(transport: HttpTransport, timeoutMs: number) {
    this.#transport = transport;
    this.#timeoutMs = timeoutMs;
  }

  /** `GET /history/{id}`; undefined if the prompt is unknown or unfinished. */
  async historyEntry(promptId: string, signal?: AbortSignal): Promise<FoundEntry | undefined> {
    const answer = await this.#request(`/history/${encodeURIComponent(promptId)}`, signal);
    const entry = answer.parse(historyAnswer)[promptId];
    return entry && { ...entry, outputTexts: () => outputTexts(String(answer.bytes), promptId) };
  }

  /** The latest `count` entries of `GET /history`. They contain every prompt's graph: not for frequent use. */
  async history(count: number, signal?: AbortSignal): Promise<Readonly<Record<string, HistoryEntry>>> {
    return this.#get(`/history?max_items=${count}`, historyAnswer, signal);
  }

  /**
   * `GET /queue`, reduced to ids. The response contains every queued prompt: not for frequent use, and shared by all
   * callers at about the same time.
   * @param since `performance.now()` of the oldest acceptable response
   */
  async queue(signal: AbortSignal, since = performance.now()): Promise<QueuedIds> {
    const prompts = await this.queuedPrompts(signal, since);
    const ids = (running: boolean) => prompts.flatMap((one) => (one.isRunning === running ? [one.id] : []));
    return { running: ids(true), pending: ids(false) };
  }

  /** `GET /queue` with the server that submitted each prompt. */
  async queuedPrompts(signal: AbortSignal, since = performance.now()): Promise<readonly QueuedPrompt[]> {
    return unlessAborted(this.#queueLook.since(since), signal);
  }

  /** Whether the prompt is queued, running or finished on the instance. */
  async knows(promptId: string, signal: AbortSignal): Promise<boolean> {
    const { running, pending } = await this.queue(signal);
    if (running.includes(promptId) || pending.includes(promptId)) return true;
    return (await this.historyEntry(promptId, signal)) !== undefined;
  }

  /** A response that may contain images. */
  async #get<T extends z.ZodType>(path: string, schema: T, signal?: AbortSignal): Promise<z.output<T>> {
    return (await this.#request(path, signal)).parse(schema);
  }

  #request(path: string, signal: AbortSignal | undefined): Promise<TransportAnswer> {
    const timeoutMs = this.#timeoutMs;
    return this.#transport.request({ method: 'GET', path, timeoutMs, maxBytes: MAX_PROMPTS_BYTES, signal });
  }
}

/** Returns the JSON of the outputs in a history entry by node, unchanged. @param answer correct JSON */
function outputTexts(answer: string, promptId: string): ReadonlyMap<string, string> {
  const entry = jsonMembers(jsonMembers(answer).get(promptId) ?? '{}');
  return jsonMembers(entry.get('outputs') ?? '{}');
}
