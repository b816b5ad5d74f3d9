/**
 * Python's lock, which some node may hold: until it lets go the process sends and answers nothing, while the system
 * takes connections for it all the same.
 */
export class PythonLock {
  #timer: NodeJS.Timeout | undefined;
  /** What the process would have done meanwhile, in order. */
  #waiting: Array<() => void> = [];

  /** Holds the lock for `ms` milliseconds from now. */
  hold(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.release(), ms);
  }

  /** Lets go: what has waited is done now. */
  release(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const what of this.#waiting.splice(0)) what();
  }

  /** Does something as soon as the lock is free: now, if it is. */
  run(what: () => void): void {
    if (this.#timer === undefined) what();
    else this.#waiting.push(what);
  }

  /** Waits until the lock is free. */
  free(): Promise<void> {
    return new Promise((resolve) => this.run(resolve));
  }
}
