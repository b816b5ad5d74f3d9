import type { JobEvents } from '../queue/JobEvents.js';
import { type FinishedJob, isFinished, type Job } from './Job.js';

/** Requests that wait for the ends of jobs. When the server drains, they stop waiting for jobs that have not started. */
export class EndWaits {
  readonly #events: JobEvents;
  readonly #find: (id: string) => Promise<Job>;
  readonly #onDraining = new Set<() => void>();
  #isDraining = false;

  /** @param find reads the newest record of a job; rejects if the job does not exist */
  constructor(events: JobEvents, find: (id: string) => Promise<Job>) {
    this.#events = events;
    this.#find = find;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  drain(): void {
    this.#isDraining = true;
    for (const leave of [...this.#onDraining]) leave();
  }

  /**
   * Resolves with the job when it is finished, or as it is if `signal` is aborted or the server starts to drain before the job
   * has started.
   * @throws the rejection of `find`
   */
  async wait(id: string, signal: AbortSignal): Promise<Job> {
    let stopWaiting: (ended?: FinishedJob) => void = () => undefined;
    const waited = new Promise<FinishedJob | undefined>((resolve) => {
      stopWaiting = resolve;
    });
    // Before the record is read: an end is announced only once.
    const onJob = (job: Job) => {
      if (isFinished(job)) stopWaiting(job);
      // Another server continues the job.
      else if (this.#isDraining && job.status === 'pending') stopWaiting();
    };
    const unfollow = await this.#events.follow(id, onJob, () => stopWaiting());
    const onAbort = () => stopWaiting();
    const onDraining = () => {
      const leave = (job: Job) => job.status === 'pending' && stopWaiting();
      void this.#find(id).then(leave, onAbort);
    };
    this.#onDraining.add(onDraining);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const job = await this.#find(id);
      const isOver = signal.aborted || (this.#isDraining && job.status === 'pending');
      if (isFinished(job) || isOver) return job;
      return (await waited) ?? (await this.#find(id));
    } finally {
      unfollow();
      this.#onDraining.delete(onDraining);
      signal.removeEventListener('abort', onAbort);
    }
  }
}
