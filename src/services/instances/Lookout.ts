import { PromptError } from '../../errors.js';
import { withDeadline } from '../../utils/deadline.js';
import type { Instance } from './Instance.js';

export interface LookoutOptions {
  /** Between two looks at a machine that is down, ms. */
  readonly everyMs: number;
  /** How long it may take to answer one, ms. */
  readonly timeoutMs: number;
}

/** Who is told of what is seen. */
interface Told {
  /** A machine does not answer. */
  onGone(instance: Instance): void;
  /** One that was gone answers again: once each time. */
  onBack(instance: Instance): void;
}

/** A machine that is down. */
interface Watch {
  timer: NodeJS.Timeout | undefined;
  /** It was seen to be gone since it was checked: an answer is news. */
  wasGone: boolean;
}

/**
 * Looks for machines that are down and may be back, more often than they are checked: a light request about once a second,
 * which counts for nothing. Only one that was gone and answers again is told of: that it answers is no news of one that
 * answered all the time and fails its checks.
 */
export class Lookout {
  readonly #told: Told;
  readonly #options: LookoutOptions;
  readonly #watches = new Map<Instance, Watch>();
  readonly #stopped = new AbortController();

  constructor(told: Told, options: LookoutOptions) {
    this.#told = told;
    this.#options = options;
  }

  /** Looks for a machine until `leave`. @param error why it is down */
  watch(instance: Instance, error: unknown): void {
    if (this.#stopped.signal.aborted) return;
    const watch = this.#watches.get(instance) ?? { timer: undefined, wasGone: false };
    this.#watches.set(instance, watch);
    // Nobody listens there: only a machine that is back answers.
    if (error instanceof PromptError && error.failure === 'connection refused') watch.wasGone = true;
    if (!watch.timer) this.#lookLater(instance, watch);
  }

  /** It is up, or was given up by hand. */
  leave(instance: Instance): void {
    clearTimeout(this.#watches.get(instance)?.timer);
    this.#watches.delete(instance);
  }

  stop(): void {
    this.#stopped.abort();
    for (const instance of [...this.#watches.keys()]) this.leave(instance);
  }

  #lookLater(instance: Instance, watch: Watch): void {
    watch.timer = setTimeout(() => void this.#look(instance, watch), this.#options.everyMs);
  }

  async #look(instance: Instance, watch: Watch): Promise<void> {
    const isThere = await this.#answers(instance);
    if (this.#watches.get(instance) !== watch) return;
    this.#lookLater(instance, watch);
    if (isThere && watch.wasGone) {
      watch.wasGone = false;
      this.#told.onBack(instance);
    } else if (!isThere) {
      watch.wasGone = true;
      this.#told.onGone(instance);
    }
  }

  async #answers(instance: Instance): Promise<boolean> {
    try {
      const ask = (signal: AbortSignal) => instance.client.systemStats(signal);
      await withDeadline(this.#options.timeoutMs, this.#stopped.signal, ask);
      return true;
    } catch {
      return false;
    }
  }
}
