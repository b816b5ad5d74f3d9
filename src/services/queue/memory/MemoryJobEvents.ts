import type { Logger } from '../../../utils/logger.js';
import type { Job } from '../../jobs/Job.js';
import type { JobEventKind, JobEventKinds, JobEvents } from '../JobEvents.js';
import { JobListeners } from '../JobListeners.js';

/** Events in one process: all listeners are called immediately. */
export class MemoryJobEvents implements JobEvents {
  readonly #all: JobListeners;

  constructor(logger: Logger) {
    this.#all = new JobListeners(logger);
  }

  get listeners(): number {
    return this.#all.size;
  }

  publish<K extends JobEventKind>(kind: K, event: JobEventKinds[K]): void {
    this.#all.tell(kind, event);
  }

  subscribe<K extends JobEventKind>(kind: K, listener: (event: JobEventKinds[K]) => void): () => void {
    return this.#all.add(kind, listener);
  }

  async follow(id: string, listener: (job: Job) => void, onRemoved?: () => void): Promise<() => void> {
    return this.#all.follow(id, listener, onRemoved);
  }
}
