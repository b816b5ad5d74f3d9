/**
 * Python's GIL. While a node holds it, the process sends and answers nothing, but the operating system still accepts connections.
 */
export class PythonLock {
  #timer: NodeJS.Timeout | undefined;
  /** Calls delayed until the lock is released, in order. */
  #waiting: Array<() => void> = [];

  /** Holds the lock for `ms` milliseconds from now. */
  hold(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.release(), ms);
  }

  /** Releases the lock and makes the delayed calls. */
  release(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const what of this.#waiting.splice(0)) what();
  }

  /** Calls a function as soon as the lock is free, or immediately if it is free. */
  run(what: () => void): void {
    if (this.#timer === undefined) what();
    else this.#waiting.push(what);
  }

  /** Waits until the lock is free. */
  free(): Promise<void> {
    return new Promise((resolve) => this.run(resolve));
  }
}
