/** How many times longer than the measuring takes a result may be reused: limits the share of time spent on it. */
const AGE_FACTOR = 20;

/** Caches the result of something expensive for a moment, so that many callers share one call. */
export class CostlyLook<T> {
  readonly #look: () => T;
  #last: { readonly found: T; readonly until: number } | undefined;

  constructor(look: () => T) {
    this.#look = look;
  }

  get(): T {
    const beganAt = performance.now();
    if (this.#last && beganAt < this.#last.until) return this.#last.found;
    const found = this.#look();
    const now = performance.now();
    this.#last = { found, until: now + AGE_FACTOR * (now - beganAt) };
    return found;
  }
}
