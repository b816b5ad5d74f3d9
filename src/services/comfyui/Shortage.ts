import type { Logger } from '../../utils/logger.js';

/** Minimum interval between two lines in the log, ms: every request fails. */
const REPEAT_MS = 60_000;

/** Logs that this server cannot open connections, which is nobody's fault but its own. */
export class Shortage {
  readonly #logger: Logger;
  /** `performance.now()` of the last line. */
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** A connection could not be opened. */
  note({ message }: Error): void {
    if (performance.now() - this.#toldAt < REPEAT_MS) return;
    this.#toldAt = performance.now();
    this.#logger.error('No more connections can be opened', { error: message });
  }
}
