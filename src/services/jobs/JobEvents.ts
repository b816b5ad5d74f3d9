import { Listeners } from '../../utils/Listeners.js';
import type { Logger } from '../../utils/logger.js';
import type { FinishedJob, Job } from './Job.js';

/** Why a job is forgotten: somebody deleted it, or its lifetime is over. */
export type RemovalReason = 'deleted' | 'expired';

/** Who wants to hear of jobs, and who waits for one. A listener that throws is logged; the others hear all the same. */
export class JobEvents {
  readonly #onError: (error: unknown) => void;
  readonly #pending: Listeners<[]>;
  readonly #draining: Listeners<[]>;
  readonly #finished: Listeners<[FinishedJob]>;
  readonly #changed: Listeners<[Job]>;
  readonly #removed: Listeners<[string, RemovalReason]>;
  readonly #resultDropped: Listeners<[string]>;
  /** Of one job each, by its id. */
  readonly #finishedOne = new Map<string, Listeners<[FinishedJob]>>();
  readonly #changedOne = new Map<string, Listeners<[Job]>>();

  constructor(logger: Logger) {
    this.#onError = (error) => {
      const stack = error instanceof Error ? error.stack : String(error);
      logger.error('A listener to job events failed', { stack });
    };
    this.#pending = new Listeners(this.#onError);
    this.#draining = new Listeners(this.#onError);
    this.#finished = new Listeners(this.#onError);
    this.#changed = new Listeners(this.#onError);
    this.#removed = new Listeners(this.#onError);
    this.#resultDropped = new Listeners(this.#onError);
  }

  /** Listeners of every kind, those of waiting requests among them. */
  get listeners(): number {
    const all = [this.#pending, this.#draining, this.#finished, this.#changed, this.#removed];
    const ofOne = [...this.#finishedOne.values(), ...this.#changedOne.values()];
    return [...all, ...ofOne].reduce((sum, { size }) => sum + size, 0);
  }

  onPending(listener: () => void): void {
    this.#pending.add(listener);
  }

  /** Calls `listener` with the end of every job, once. */
  onFinished(listener: (job: FinishedJob) => void): void {
    this.#finished.add(listener);
  }

  /**
   * Calls `listener` with every record that a job becomes, in order.
   * @param id of one job; undefined for all
   * @returns what ends it
   */
  onChanged(id: string | undefined, listener: (job: Job) => void): () => void {
    return id === undefined ? this.#changed.add(listener) : this.#addOne(this.#changedOne, id, listener);
  }

  /** Calls `listener` with the id of every job that is forgotten, and why. @returns what ends it */
  onRemoved(listener: (id: string, why: RemovalReason) => void): () => void {
    return this.#removed.add(listener);
  }

  /** Calls `listener` with the id of every job whose result's bytes are gone. */
  onResultDropped(listener: (id: string) => void): void {
    this.#resultDropped.add(listener);
  }

  changed(job: Job): void {
    this.#changed.tell(job);
    this.#changedOne.get(job.id)?.tell(job);
  }

  removed(id: string, why: RemovalReason): void {
    this.#removed.tell(id, why);
  }

  resultDropped(id: string): void {
    this.#resultDropped.tell(id);
  }

  pending(): void {
    this.#pending.tell();
  }

  finished(job: FinishedJob): void {
    this.#finished.tell(job);
    this.#finishedOne.get(job.id)?.tell(job);
  }

  /** No job begins any more. */
  draining(): void {
    this.#draining.tell();
  }

  /**
   * Waits until the job is finished, `signal` is aborted, or draining begins while `isWaiting`.
   * @returns the finished job, or undefined where something else came first
   */
  async wait(id: string, isWaiting: () => boolean, signal: AbortSignal): Promise<FinishedJob | undefined> {
    if (signal.aborted) return undefined;
    return new Promise((resolve) => {
      const done = (job?: FinishedJob) => {
        noMoreEnd();
        noMoreDraining();
        signal.removeEventListener('abort', onAbort);
        resolve(job);
      };
      const onAbort = () => done();
      const noMoreEnd = this.#addOne(this.#finishedOne, id, done);
      const noMoreDraining = this.#draining.add(() => {
        if (isWaiting()) done();
      });
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  #addOne<T extends Job>(
    all: Map<string, Listeners<[T]>>,
    id: string,
    listener: (job: T) => void,
  ): () => void {
    const listeners = all.get(id) ?? new Listeners<[T]>(this.#onError);
    all.set(id, listeners);
    const remove = listeners.add(listener);
    return () => {
      remove();
      if (listeners.size === 0 && all.get(id) === listeners) all.delete(id);
    };
  }
}
