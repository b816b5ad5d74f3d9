import { Listeners } from '../../utils/Listeners.js';
import type { Logger } from '../../utils/logger.js';
import { isFinished, type Job } from '../jobs/Job.js';
import type { JobEventKind, JobEventKinds } from './JobEvents.js';

/** Listeners to job events in this process. A listener that throws is logged, and does not affect the others. */
export class JobListeners {
  readonly #onError: (error: unknown) => void;
  readonly #all: { readonly [K in JobEventKind]: Listeners<[JobEventKinds[K]]> };
  /** Of one job each, by its id. */
  readonly #followers = new Map<string, Listeners<[Job | undefined]>>();
  /** Followed jobs that have ended: their records do not change any more. */
  readonly #ended = new Set<string>();

  constructor(logger: Logger) {
    this.#onError = (error) => {
      const stack = error instanceof Error ? error.stack : String(error);
      logger.error('A job event listener failed', { stack });
    };
    this.#all = {
      changed: new Listeners(this.#onError),
      finished: new Listeners(this.#onError),
      removed: new Listeners(this.#onError),
      resultDropped: new Listeners(this.#onError),
    };
    this.#all.changed.add((job) => this.tellFollowers(job));
    this.#all.removed.add(({ id }) => this.#followers.get(id)?.tell(undefined));
  }

  get size(): number {
    const { changed, finished, removed, resultDropped } = this.#all;
    const all = [changed, finished, removed, resultDropped, ...this.#followers.values()];
    // Without the listeners of the constructor.
    return all.reduce((sum, { size }) => sum + size, -2);
  }

  /** Ids of the followed jobs, and of those among them that are known to have ended. */
  followed(): { readonly all: readonly string[]; readonly ended: ReadonlySet<string> } {
    return { all: [...this.#followers.keys()], ended: this.#ended };
  }

  /** Whether there is a listener for this kind of event about this job. */
  hears(kind: JobEventKind, id: string): boolean {
    const isForFollowers = kind === 'changed' || kind === 'removed';
    if (!isForFollowers) return this.#all[kind].size > 0;
    return this.#all[kind].size > 1 || this.#followers.has(id);
  }

  tell<K extends JobEventKind>(kind: K, event: JobEventKinds[K]): void {
    this.#all[kind].tell(event);
  }

  tellFollowers(job: Job): void {
    const followers = this.#followers.get(job.id);
    if (followers && isFinished(job)) this.#ended.add(job.id);
    followers?.tell(job);
  }

  add<K extends JobEventKind>(kind: K, listener: (event: JobEventKinds[K]) => void): () => void {
    return this.#all[kind].add(listener);
  }

  follow(id: string, listener: (job: Job) => void, onRemoved?: () => void): () => void {
    const listeners = this.#followers.get(id) ?? new Listeners<[Job | undefined]>(this.#onError);
    this.#followers.set(id, listeners);
    const remove = listeners.add((job) => (job ? listener(job) : onRemoved?.()));
    return () => {
      remove();
      if (listeners.size > 0 || this.#followers.get(id) !== listeners) return;
      this.#followers.delete(id);
      this.#ended.delete(id);
    };
  }
}
