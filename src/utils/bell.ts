/** A wake-up signal: rung by other code, or after a timeout. */
export class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  /** Wakes the waiting caller, or the next one. */
  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Resolves when the bell rings, after `ms` milliseconds, or when `signal` is aborted. Never rejects. */
  async wait(ms: number, signal: AbortSignal): Promise<undefined> {
    if (!this.#rung && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          this.#wake = undefined;
          resolve();
        };
        const timer = setTimeout(done, ms);
        signal.addEventListener('abort', done, { once: true });
        this.#wake = done;
      });
    }
    this.#rung = false;
    return undefined;
  }
}
