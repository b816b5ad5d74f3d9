/** Time by which other servers look later, ms. */
const HEAD_START_MS = 20;
/** Maximum additional time, ms. */
const SPREAD_MS = 40;

/**
 * Looks for jobs a moment after the server where something happened. Servers that look at the same moment choose the same jobs: all but
 * one fail, and see a queue without the entries that the others hold at that moment. The random part keeps the other servers
 * apart.
 */
export class LaterLook {
  readonly #look: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(look: () => void) {
    this.#look = look;
  }

  /** Looks soon, once for any number of calls until then. */
  plan(): void {
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        this.#look();
      },
      HEAD_START_MS + Math.random() * SPREAD_MS,
    );
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
