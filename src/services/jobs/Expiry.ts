import { messageOf } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';
import { bufferBytes } from '../../utils/memory.js';
import type { JobManager } from './JobManager.js';

/** Looks for expired jobs ten times per lifetime, but neither constantly nor only every few minutes. */
const PERIODS = 10;
const MIN_INTERVAL_MS = 100;
const MAX_INTERVAL_MS = 30_000;

/** Smaller amounts of garbage are left to V8. */
const MUCH_BYTES = 16 * 1024 * 1024;

export interface ExpiryOptions {
  readonly lifetimeMs: number;
  /** Whether a pause of about 10 ms would go unnoticed. */
  isIdle(): boolean;
  /**
   * V8 collects garbage when memory is requested, so an idle server would keep expired images until the next request.
   * Does nothing if Node was started without `--expose-gc`.
   */
  collectGarbage(): void;
}

/** Removes expired jobs, and releases their memory if the server is idle. */
export class Expiry {
  readonly #manager: JobManager;
  readonly #intervalMs: number;
  readonly #logger: Logger;
  readonly #options: ExpiryOptions;
  /** Whether jobs were removed since the last garbage collection. */
  #isUntidy = false;
  #isCleaning = false;
  #hasFailed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(manager: JobManager, options: ExpiryOptions, logger: Logger) {
    const { lifetimeMs } = options;
    this.#options = options;
    this.#logger = logger;
    this.#manager = manager;
    this.#intervalMs = Math.min(MAX_INTERVAL_MS, Math.max(MIN_INTERVAL_MS, lifetimeMs / PERIODS));
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.#cleanUp(), this.#intervalMs);
  }

  async #cleanUp(): Promise<void> {
    if (this.#isCleaning) return;
    this.#isCleaning = true;
    try {
      const removed = await this.#manager.cleanup();
      this.#hasFailed = false;
      this.#isUntidy ||= removed > 0;
      this.#tidy();
    } catch (error) {
      // Once per outage of the store: this runs several times per second.
      if (!this.#hasFailed) {
        this.#logger.error('Expired jobs could not be removed', { error: messageOf(error) });
      }
      this.#hasFailed = true;
    } finally {
      this.#isCleaning = false;
    }
  }

  #tidy(): void {
    if (!this.#isUntidy || !this.#options.isIdle()) return;
    this.#isUntidy = false;
    if (bufferBytes() > MUCH_BYTES) this.#options.collectGarbage();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
