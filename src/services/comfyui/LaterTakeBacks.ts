import { keepNewest } from '../../utils/keepNewest.js';
import type { ComfyClient } from './ComfyClient.js';

/** Maximum number of prompts that wait for one instance; the oldest ones are given up. */
const MAX_WAITING = 1000;

/** Prompts that are taken back later: when their instance responds again, or after some time. */
export class LaterTakeBacks {
  /** By instance and prompt id, oldest first. Those of a removed instance are freed with its client. */
  readonly #waiting = new WeakMap<ComfyClient, Map<string, () => void>>();
  readonly #timers = new Set<NodeJS.Timeout>();

  /** Calls `takeBack` at the next `responds`. */
  whenResponding(client: ComfyClient, promptId: string, takeBack: () => void): void {
    const waiting = this.#waiting.get(client) ?? new Map<string, () => void>();
    this.#waiting.set(client, waiting);
    keepNewest(waiting, promptId, takeBack, MAX_WAITING);
  }

  /** The instance responds again. */
  responds(client: ComfyClient): void {
    const waiting = this.#waiting.get(client);
    this.#waiting.delete(client);
    for (const takeBack of waiting?.values() ?? []) takeBack();
  }

  /** Somebody follows the prompt again. */
  forget(client: ComfyClient, promptId: string): void {
    this.#waiting.get(client)?.delete(promptId);
  }

  /** Calls `takeBack` after `ms` milliseconds, unless `stop` is called before. */
  after(ms: number, takeBack: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      takeBack();
    }, ms);
    this.#timers.add(timer);
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
