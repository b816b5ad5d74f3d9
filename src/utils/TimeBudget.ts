/** Time that several steps share, counted from the moment it is made. */
export class TimeBudget {
  readonly #end: number;

  constructor(ms: number) {
    this.#end = performance.now() + ms;
  }

  /** Milliseconds that are left; never negative. */
  get leftMs(): number {
    return Math.max(0, this.#end - performance.now());
  }
}
