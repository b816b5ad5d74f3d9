import { messageOf } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';
import { StoreUnavailable } from './StoreUnavailable.js';

/** Interval of the checks whether the store responds again, ms. */
const CHECK_MS = 1000;

/** Whether a store is unavailable: from a call that it could not carry out until the first check that succeeds. */
export class StoreOutage {
  readonly #check: () => Promise<unknown>;
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  /** @param check asks the store for anything; throws StoreUnavailable if that fails */
  constructor(check: () => Promise<unknown>, logger: Logger) {
    this.#check = check;
    this.#logger = logger;
  }

  get isOn(): boolean {
    return this.#timer !== undefined;
  }

  /** Notes a call that the store could not carry out. */
  begin({ cause }: StoreUnavailable): void {
    if (this.isOn || this.#isStopped) return;
    this.#logger.warn('The asset store is unavailable', { error: messageOf(cause) });
    this.#checkLater();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #checkLater(): void {
    this.#timer = setTimeout(() => void this.#look(), CHECK_MS);
  }

  async #look(): Promise<void> {
    try {
      await this.#check();
    } catch (error) {
      // Any other error is a response.
      if (error instanceof StoreUnavailable) {
        if (!this.#isStopped) this.#checkLater();
        return;
      }
    }
    if (this.#isStopped) return;
    this.#timer = undefined;
    this.#logger.info('The asset store is available again');
  }
}
