/** What one look found may be so many times as old as a look takes: looking takes at most a part of the time. */
const AGE_FACTOR = 20;

/** Something that takes time to look at, and that many ask for: one look serves all of them for a moment. */
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
