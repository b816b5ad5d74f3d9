import { messageOf } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';
import type { JobManager } from './JobManager.js';

/** Looks for expired jobs ten times a lifetime, but neither all the time nor only once in minutes. */
const PERIODS = 10;
const MIN_INTERVAL_MS = 100;
const MAX_INTERVAL_MS = 30_000;

/** Removes finished jobs when their lifetime is over. */
export class Expiry {
  readonly #manager: JobManager;
  readonly #intervalMs: number;
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;

  constructor(manager: JobManager, lifetimeMs: number, logger: Logger) {
    this.#logger = logger;
    this.#manager = manager;
    this.#intervalMs = Math.min(MAX_INTERVAL_MS, Math.max(MIN_INTERVAL_MS, lifetimeMs / PERIODS));
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#cleanUp(), this.#intervalMs);
  }

  #cleanUp(): void {
    this.#manager.cleanup().catch((error: unknown) => {
      this.#logger.error('Expired jobs could not be removed', { error: messageOf(error) });
    });
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
