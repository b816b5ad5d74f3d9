import { keepNewest } from '../../utils/keepNewest.js';
import { sleep } from '../../utils/timers.js';
import type { ComfyClient } from './ComfyClient.js';

/** How long an entry waits for others, ms: under load one request deletes many. */
const GATHER_MS = 50;
/** Maximum number of entries of an instance whose deletion is repeated; the oldest ones are given up. */
const MAX_FAILED = 1000;

interface Batch {
  readonly ids: string[];
  readonly done: Promise<void>;
}

/** Deletes history entries of the instances in batches. If a request fails, the next one contains its entries, too. */
export class HistoryCleaner {
  readonly #batches = new Map<ComfyClient, Batch>();
  /** Entries that are still to be deleted, oldest first. Those of a removed instance are freed with its client. */
  readonly #failed = new WeakMap<ComfyClient, Map<string, true>>();

  /**
   * Deletes an entry soon.
   * @param signal aborts the deletion and the wait before it
   * @throws PromptError if the instance rejects it
   */
  delete(client: ComfyClient, promptId: string, signal: AbortSignal): Promise<void> {
    const { ids, done } = this.#nextBatch(client, signal);
    ids.push(promptId);
    return done;
  }

  /** Deletes an entry together with the next ones, or when `retry` is called. */
  deleteLater(client: ComfyClient, promptId: string): void {
    const failed = this.#failed.get(client) ?? new Map<string, true>();
    this.#failed.set(client, failed);
    keepNewest(failed, promptId, true, MAX_FAILED);
  }

  /**
   * Repeats the deletions that failed on an instance. Does nothing if there are none.
   * @throws like `delete`
   */
  async retry(client: ComfyClient, signal: AbortSignal): Promise<void> {
    if (this.#failed.has(client)) await this.#nextBatch(client, signal).done;
  }

  #nextBatch(client: ComfyClient, signal: AbortSignal): Batch {
    const waiting = this.#batches.get(client);
    if (waiting) return waiting;
    const ids: string[] = [];
    const batch = { ids, done: this.#send(client, ids, signal) };
    this.#batches.set(client, batch);
    return batch;
  }

  async #send(client: ComfyClient, ids: readonly string[], signal: AbortSignal): Promise<void> {
    await sleep(GATHER_MS, signal);
    this.#batches.delete(client);
    signal.throwIfAborted();
    const all = [...(this.#failed.get(client)?.keys() ?? []), ...ids];
    this.#failed.delete(client);
    try {
      await client.deleteHistory(all, signal);
    } catch (error) {
      for (const id of all) this.deleteLater(client, id);
      throw error;
    }
  }
}
