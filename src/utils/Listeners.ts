/** A set of listeners. One that throws does not affect the others. */
export class Listeners<About extends readonly unknown[]> {
  readonly #listeners = new Set<(...about: About) => void>();
  readonly #onError: (error: unknown) => void;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  get size(): number {
    return this.#listeners.size;
  }

  /** Each function is registered once. @returns a function that removes it */
  add(listener: (...about: About) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  tell(...about: About): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(...about);
      } catch (error) {
        this.#onError(error);
      }
    }
  }
}
