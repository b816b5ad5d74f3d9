import { Listeners } from '../../../utils/Listeners.js';
import type { Logger } from '../../../utils/logger.js';
import type { Job } from '../../jobs/Job.js';
import type { JobEventKind, JobEventKinds, JobEvents } from '../JobEvents.js';

/** Events of one process: all are told at once. */
export class MemoryJobEvents implements JobEvents {
  readonly #onError: (error: unknown) => void;
  readonly #all: { readonly [K in JobEventKind]: Listeners<[JobEventKinds[K]]> };
  /** Of one job each, by its id. */
  readonly #followers = new Map<string, Listeners<[Job]>>();

  constructor(logger: Logger) {
    this.#onError = (error) => {
      const stack = error instanceof Error ? error.stack : String(error);
      logger.error('A listener to job events failed', { stack });
    };
    this.#all = {
      changed: new Listeners(this.#onError),
      finished: new Listeners(this.#onError),
      removed: new Listeners(this.#onError),
      resultDropped: new Listeners(this.#onError),
    };
    this.#all.changed.add((job) => this.#followers.get(job.id)?.tell(job));
  }

  get listeners(): number {
    const { changed, finished, removed, resultDropped } = this.#all;
    const all = [changed, finished, removed, resultDropped, ...this.#followers.values()];
    // Without the one of the constructor.
    return all.reduce((sum, { size }) => sum + size, -1);
  }

  publish<K extends JobEventKind>(kind: K, event: JobEventKinds[K]): void {
    this.#all[kind].tell(event);
  }

  subscribe<K extends JobEventKind>(kind: K, listener: (event: JobEventKinds[K]) => void): () => void {
    return this.#all[kind].add(listener);
  }

  async follow(id: string, listener: (job: Job) => void): Promise<() => void> {
    const listeners = this.#followers.get(id) ?? new Listeners<[Job]>(this.#onError);
    this.#followers.set(id, listeners);
    const remove = listeners.add(listener);
    return () => {
      remove();
      if (listeners.size === 0 && this.#followers.get(id) === listeners) this.#followers.delete(id);
    };
  }
}
