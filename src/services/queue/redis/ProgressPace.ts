import type { Job } from '../../jobs/Job.js';

interface Window {
  /** The last record that was seen. */
  last: Job;
  /** Runs while only the last record may wait. */
  timer: NodeJS.Timeout | undefined;
  /** The newest record that waits for the timer. */
  waiting: Job | undefined;
}

/**
 * Throttles events that other servers do not need immediately: progress of a running job. Of several, the newest is
 * sent when the time is over. Everything else is sent immediately and discards records that were held back.
 */
export class ProgressPace {
  readonly #intervalMs: number;
  readonly #send: (job: Job) => void;
  readonly #windows = new Map<string, Window>();

  /** @param send receives the events, in order */
  constructor(intervalMs: number, send: (job: Job) => void) {
    this.#intervalMs = intervalMs;
    this.#send = send;
  }

  take(job: Job): void {
    const window = this.#windows.get(job.id);
    if (window && isProgress(window.last, job)) {
      window.last = job;
      if (window.timer) window.waiting = job;
      else this.#sendPaced(window, job);
      return;
    }
    this.forget(job.id);
    this.#send(job);
    if (job.status === 'processing') {
      this.#windows.set(job.id, { last: job, timer: undefined, waiting: undefined });
    }
  }

  /** Discards the waiting record of a job, and sends no more of it. */
  forget(id: string): void {
    clearTimeout(this.#windows.get(id)?.timer);
    this.#windows.delete(id);
  }

  stop(): void {
    for (const id of [...this.#windows.keys()]) this.forget(id);
  }

  #sendPaced(window: Window, job: Job): void {
    window.waiting = undefined;
    window.timer = setTimeout(() => {
      window.timer = undefined;
      if (window.waiting) this.#sendPaced(window, window.waiting);
    }, this.#intervalMs);
    this.#send(job);
  }
}

/** Whether two records of a running job differ only in their progress. */
function isProgress(before: Job, after: Job): boolean {
  return (
    before.status === 'processing' &&
    after.status === 'processing' &&
    before.assignment.instance === after.assignment.instance &&
    before.assignment.promptId === after.assignment.promptId &&
    before.early?.length === after.early?.length
  );
}
