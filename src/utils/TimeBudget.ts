/** Time that several steps share, starting at its creation. */
export class TimeBudget {
  readonly #end: number;

  constructor(ms: number) {
    this.#end = performance.now() + ms;
  }

  /** Remaining milliseconds; never negative. */
  get leftMs(): number {
    return Math.max(0, this.#end - performance.now());
  }
}
