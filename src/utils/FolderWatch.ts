import { type FSWatcher, watch } from 'node:fs';
import { Bell } from './bell.js';
import { sleep } from './timers.js';

/** Time to wait for further changes, ms. */
const PAUSE_MS = 50;

/**
 * Calls back on changes in a folder, and at an interval, because network drives and shared folders of virtual
 * machines do not report changes. One call at a time.
 */
export class FolderWatch {
  readonly #directory: string;
  readonly #pollMs: number;
  /** Never rejects. */
  readonly #look: () => Promise<void>;
  readonly #bell = new Bell();
  readonly #stop = new AbortController();
  #watcher: FSWatcher | undefined;
  #done: Promise<void> = Promise.resolve();

  constructor(directory: string, pollMs: number, look: () => Promise<void>) {
    this.#directory = directory;
    this.#pollMs = pollMs;
    this.#look = look;
  }

  start(): void {
    this.#done = this.#run(this.#stop.signal);
  }

  /** Resolves when the last call is over. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#watch();
      await this.#bell.wait(this.#pollMs, signal);
      await sleep(PAUSE_MS, signal);
      if (!signal.aborted) await this.#look();
    }
    this.#watcher?.close();
  }

  /** The folder may be created or replaced later. Without a watcher, the interval is enough. */
  #watch(): void {
    if (this.#watcher !== undefined) return;
    try {
      const watcher = watch(this.#directory, (event, name) => {
        // The folder itself was moved or deleted: the watcher would stay with it.
        if (event === 'rename' && name !== null && this.#directory.endsWith(name)) this.#forget(watcher);
        this.#bell.ring();
      });
      watcher.on('error', () => this.#forget(watcher));
      this.#watcher = watcher;
    } catch {
      this.#watcher = undefined;
    }
  }

  #forget(watcher: FSWatcher): void {
    watcher.close();
    if (this.#watcher === watcher) this.#watcher = undefined;
  }
}
