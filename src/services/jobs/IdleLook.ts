import type { JobQueue, Picker, Releasable } from '../queue/JobQueue.js';

/** Minimum time between two searches while no job can be taken, ms: every new job wakes the processor. */
const INTERVAL_MS = 250;

/**
 * Reads which jobs wait while no machine is free. Nothing is taken then, but waiting jobs have deadlines, and clients and autoscalers
 * ask about them.
 */
export class IdleLook {
  readonly #queue: Pick<JobQueue, 'show'>;
  readonly #picker: Picker<Releasable>;
  readonly #wake: () => void;
  /** `performance.now()` of the last time. */
  #lookedAt = Number.NEGATIVE_INFINITY;
  #next: NodeJS.Timeout | undefined;

  /** @param wake called when `look` should be called again, because the last call was too early */
  constructor(queue: Pick<JobQueue, 'show'>, picker: Picker<Releasable>, wake: () => void) {
    this.#queue = queue;
    this.#picker = picker;
    this.#wake = wake;
  }

  /** Records that the queue has just asked the picker. */
  noteTaking(): void {
    this.#lookedAt = performance.now();
  }

  /** Updates the picker, now or soon. @returns whether it was now @throws the rejection of the queue */
  async look(): Promise<boolean> {
    const ms = this.#lookedAt + INTERVAL_MS - performance.now();
    if (ms > 0) {
      this.#next ??= setTimeout(() => {
        this.#next = undefined;
        this.#wake();
      }, ms);
      return false;
    }
    this.#lookedAt = performance.now();
    await this.#queue.show(this.#picker);
    return true;
  }

  stop(): void {
    clearTimeout(this.#next);
  }
}
