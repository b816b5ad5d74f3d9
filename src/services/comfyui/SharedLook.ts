/** A request whose response serves everybody who asks at about the same time. */
export class SharedLook<T> {
  readonly #look: () => Promise<T>;
  #last: { readonly beganAt: number; readonly answer: Promise<T> } | undefined;

  constructor(look: () => Promise<T>) {
    this.#look = look;
  }

  /** What a look told that began at `oldest` (`performance.now()`) or later: the last one, or one that begins now. */
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
