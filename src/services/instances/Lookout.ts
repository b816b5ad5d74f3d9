import { isServerFailure, PromptError } from '../../errors.js';
import { withDeadline } from '../../utils/deadline.js';
import type { Instance } from './Instance.js';

export interface LookoutOptions {
  /** Interval between probes of a machine that is down, ms. */
  readonly everyMs: number;
  /** Time limit of a probe, ms. */
  readonly timeoutMs: number;
}

/** Callbacks of the lookout. */
interface Told {
  /** Called when a machine does not respond. */
  onGone(instance: Instance): void;
  /** Called when a machine that was gone responds again, once each time. */
  onBack(instance: Instance): void;
}

/** A machine that is down. */
interface Watch {
  timer: NodeJS.Timeout | undefined;
  /** It was gone since its last check, so a response means that it is back. */
  wasGone: boolean;
}

/**
 * Probes machines that are down more often than they are checked: a light request about once a second, which counts
 * neither as success nor as failure. It reports only machines that were gone and respond again: a machine that always
 * responded but fails its checks is not back.
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

  /** Probes a machine until `leave`. @param error why it is down */
  watch(instance: Instance, error: unknown): void {
    if (this.#stopped.signal.aborted) return;
    const watch = this.#watches.get(instance) ?? { timer: undefined, wasGone: false };
    this.#watches.set(instance, watch);
    // No process listens on the port, so only a restarted machine responds.
    if (error instanceof PromptError && error.failure === 'connection refused') watch.wasGone = true;
    if (!watch.timer) this.#lookLater(instance, watch);
  }

  /** Ends the probes of a machine that is up, or that was taken out of service manually. */
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
    } else if (isThere === false) {
      watch.wasGone = true;
      this.#told.onGone(instance);
    }
  }

  /** @returns undefined if the machine could not be asked */
  async #answers(instance: Instance): Promise<boolean | undefined> {
    try {
      const ask = (signal: AbortSignal) => instance.client.systemStats(signal);
      await withDeadline(this.#options.timeoutMs, this.#stopped.signal, ask);
      return true;
    } catch (error) {
      return isServerFailure(error) ? undefined : false;
    }
  }
}
