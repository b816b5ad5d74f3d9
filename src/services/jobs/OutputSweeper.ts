import { messageOf } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import type { JobEvents } from '../queue/JobEvents.js';
import type { OutputFiles } from './OutputFiles.js';

/** Looks for old files ten times per lifetime, but neither constantly nor only every few hours. */
const PERIODS = 10;
const MIN_INTERVAL_MS = 100;
const MAX_INTERVAL_MS = 60_000;

/**
 * Deletes saved results: those of deleted jobs, and with a lifetime those that are older, whichever process wrote
 * them. Without a lifetime, the files of expired jobs stay.
 */
export class OutputSweeper {
  readonly #files: OutputFiles;
  /** 0: files stay. */
  readonly #lifetimeMs: number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Deleted jobs whose files still exist. */
  readonly #deleted = new Set<string>();
  readonly #intervalMs: number;
  #timer: NodeJS.Timeout | undefined;
  #isSweeping = false;
  #hasFailed = false;

  constructor(
    parts: { files: OutputFiles; events: JobEvents },
    lifetimeMs: number,
    clock: Clock,
    logger: Logger,
  ) {
    this.#files = parts.files;
    this.#lifetimeMs = lifetimeMs;
    this.#clock = clock;
    this.#logger = logger;
    this.#intervalMs =
      lifetimeMs > 0
        ? Math.min(MAX_INTERVAL_MS, Math.max(MIN_INTERVAL_MS, lifetimeMs / PERIODS))
        : MAX_INTERVAL_MS;
    parts.events.subscribe('removed', ({ id, why }) => {
      if (why !== 'deleted') return;
      this.#deleted.add(id);
      void this.#attempt(() => this.#removeDeleted(id));
    });
  }

  /** Sweeps immediately: an earlier process may have left old files. */
  start(): void {
    this.#timer ??= setInterval(() => void this.#sweep(), this.#intervalMs);
    void this.#sweep();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #sweep(): Promise<void> {
    if (this.#isSweeping) return;
    this.#isSweeping = true;
    let isDone = true;
    for (const id of [...this.#deleted]) {
      isDone = (await this.#attempt(() => this.#removeDeleted(id))) && isDone;
    }
    if (this.#lifetimeMs > 0) {
      const oldest = this.#clock.now() - this.#lifetimeMs;
      isDone = (await this.#attempt(() => this.#files.removeOlder(oldest))) && isDone;
    }
    if (isDone) this.#hasFailed = false;
    this.#isSweeping = false;
  }

  async #removeDeleted(id: string): Promise<void> {
    await this.#files.remove(id);
    this.#deleted.delete(id);
  }

  /** Logged once per outage, and repeated with every sweep. @returns whether it succeeded */
  async #attempt(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (!this.#hasFailed) {
        this.#logger.error('Output files could not be deleted', { error: messageOf(error) });
      }
      this.#hasFailed = true;
      return false;
    }
  }
}
