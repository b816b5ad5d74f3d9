import { sleep } from '../../utils/timers.js';
import type { ComfyClient } from './ComfyClient.js';

/** How long an entry waits for others, ms: under load one request deletes many. */
const GATHER_MS = 50;

interface Batch {
  readonly ids: string[];
  readonly done: Promise<void>;
}

/** Deletes history entries of the instances in batches. */
export class HistoryCleaner {
  readonly #batches = new Map<ComfyClient, Batch>();

  /**
   * Deletes an entry soon.
   * @param signal aborts the deletion and the wait before it
   * @throws PromptError if the instance rejects it
   */
  async delete(client: ComfyClient, promptId: string, signal: AbortSignal): Promise<void> {
    const waiting = this.#batches.get(client);
    if (waiting) {
      waiting.ids.push(promptId);
      return waiting.done;
    }
    const ids = [promptId];
    const done = this.#deleteLater(client, ids, signal);
    this.#batches.set(client, { ids, done });
    return done;
  }

  async #deleteLater(client: ComfyClient, ids: readonly string[], signal: AbortSignal): Promise<void> {
    await sleep(GATHER_MS, signal);
    this.#batches.delete(client);
    signal.throwIfAborted();
    await client.deleteHistory(ids, signal);
  }
}
