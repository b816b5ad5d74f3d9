/** How many times longer than the measuring takes a result may be reused: limits the share of time spent on it. */
const AGE_FACTOR = 20;

/** Maximum age, milliseconds: the process may have been paused during a look that costs little. */
const MAX_AGE_MS = 2000;

/** Caches the result of something expensive for a moment, so that many callers share one call. */
export class CostlyLook<T> {
  readonly #look: () => T;
  readonly #isCheap: (found: T) => boolean;
  #last: { readonly found: T; readonly until: number } | undefined;

  /** @param isCheap whether finding this took no time worth saving: it is never reused, however long it took */
  constructor(look: () => T, isCheap: (found: T) => boolean = () => false) {
    this.#look = look;
    this.#isCheap = isCheap;
  }

  get(): T {
    const beganAt = performance.now();
    if (this.#last && beganAt < this.#last.until) return this.#last.found;
    const found = this.#look();
    const now = performance.now();
    const age = this.#isCheap(found) ? 0 : Math.min(MAX_AGE_MS, AGE_FACTOR * (now - beganAt));
    this.#last = { found, until: now + age };
    return found;
  }
}
