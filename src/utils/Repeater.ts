import pLimit from 'p-limit';

/** Does something every so often, and when it is asked to: one at a time. */
export class Repeater {
  readonly #work: () => Promise<void>;
  readonly #intervalMs: number;
  readonly #onError: (error: unknown) => void;
  readonly #alone = pLimit(1);
  #timer: NodeJS.Timeout | undefined;

  /** @param onError told what the work rejects with where nobody waits for it */
  constructor(work: () => Promise<void>, intervalMs: number, onError: (error: unknown) => void) {
    this.#work = work;
    this.#intervalMs = intervalMs;
    this.#onError = onError;
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      const isUnderWay = this.#alone.activeCount + this.#alone.pendingCount > 0;
      if (!isUnderWay) this.now().catch(this.#onError);
    }, this.#intervalMs);
  }

  /** What is under way ends by itself. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Begins once what is under way is done. @throws what the work rejects with */
  now(): Promise<void> {
    return this.#alone(this.#work);
  }
}
