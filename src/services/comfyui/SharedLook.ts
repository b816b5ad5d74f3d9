/** A request whose response is shared by all callers at about the same time. */
export class SharedLook<T> {
  readonly #look: () => Promise<T>;
  #last: { readonly beganAt: number; readonly answer: Promise<T> } | undefined;

  constructor(look: () => Promise<T>) {
    this.#look = look;
  }

  /** The response of a request that started at `oldest` (`performance.now()`) or later: the last one, or a new one. */
  since(oldest: number): Promise<T> {
    if (this.#last && this.#last.beganAt >= oldest) return this.#last.answer;
    const look = { beganAt: performance.now(), answer: this.#look() };
    this.#last = look;
    look.answer.catch(() => {
      if (this.#last === look) this.#last = undefined;
    });
    return look.answer;
  }
}
