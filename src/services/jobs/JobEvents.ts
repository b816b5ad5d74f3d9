import { EventEmitter } from 'node:events';
import type { FinishedJob, Job } from './Job.js';

/** Who wants to hear of jobs, and who waits for one. */
export class JobEvents {
  readonly #emitter = new EventEmitter();

  constructor() {
    // A listener a waiting request: as many as there are clients.
    this.#emitter.setMaxListeners(0);
  }

  /** Listeners of every kind, those of waiting requests among them. */
  get listeners(): number {
    return this.#emitter.eventNames().reduce((sum, name) => sum + this.#emitter.listenerCount(name), 0);
  }

  onPending(listener: () => void): void {
    this.#emitter.on('pending', listener);
  }

  onFinished(listener: (job: FinishedJob) => void): void {
    this.#emitter.on('finished', listener);
  }

  /**
   * Calls `listener` with every record that a job becomes, in order.
   * @param id of one job; undefined for all
   * @returns what ends it
   */
  onChanged(id: string | undefined, listener: (job: Job) => void): () => void {
    return this.#on(id === undefined ? 'changed' : `changed:${id}`, listener);
  }

  /** Calls `listener` with the id of every job that is forgotten. @returns what ends it */
  onRemoved(listener: (id: string) => void): () => void {
    return this.#on('removed', listener);
  }

  /** Calls `listener` with the id of every job whose result's bytes are gone. */
  onResultDropped(listener: (id: string) => void): void {
    this.#emitter.on('resultDropped', listener);
  }

  changed(job: Job): void {
    this.#emitter.emit('changed', job);
    this.#emitter.emit(`changed:${job.id}`, job);
  }

  removed(id: string): void {
    this.#emitter.emit('removed', id);
  }

  resultDropped(id: string): void {
    this.#emitter.emit('resultDropped', id);
  }

  pending(): void {
    this.#emitter.emit('pending');
  }

  finished(job: FinishedJob): void {
    this.#emitter.emit('finished', job);
    this.#emitter.emit(`finished:${job.id}`);
  }

  /** No job begins any more. */
  draining(): void {
    this.#emitter.emit('draining');
  }

  #on<T>(name: string, listener: (about: T) => void): () => void {
    this.#emitter.on(name, listener);
    return () => void this.#emitter.off(name, listener);
  }

  /** Resolves when the job is finished, `signal` is aborted, or draining begins while `isWaiting`. */
  async wait(id: string, isWaiting: () => boolean, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#emitter.off(`finished:${id}`, done);
        this.#emitter.off('draining', onDraining);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const onDraining = () => {
        if (isWaiting()) done();
      };
      this.#emitter.once(`finished:${id}`, done);
      this.#emitter.on('draining', onDraining);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
