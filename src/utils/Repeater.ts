import pLimit from 'p-limit';

/** Repeats some work at an interval and on request, one run at a time. */
export class Repeater {
  readonly #work: () => Promise<void>;
  readonly #intervalMs: number;
  readonly #onError: (error: unknown) => void;
  readonly #alone = pLimit(1);
  #timer: NodeJS.Timeout | undefined;

  /** @param onError gets the rejection of runs that no caller waits for */
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

  /** A run in progress continues. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Runs after the current run. @throws the rejection of the work */
  now(): Promise<void> {
    return this.#alone(this.#work);
  }
}
