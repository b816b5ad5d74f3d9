import type { Job } from '../../jobs/Job.js';

interface Window {
  /** The last record that was seen. */
  last: Job;
  /** Runs while nothing but the last record may wait. */
  timer: NodeJS.Timeout | undefined;
  /** The newest record that waits for the timer. */
  waiting: Job | undefined;
}

/**
 * Holds back what other servers need not hear at once: progress of a job that runs. Of what comes faster, the newest record is
 * told when the time is over. Everything else goes on at once, and what was held back before it is of no interest any more.
 */
export class ProgressPace {
  readonly #intervalMs: number;
  readonly #send: (job: Job) => void;
  readonly #windows = new Map<string, Window>();

  /** @param send gets what goes on, in order */
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

  /** Nothing more of this job is to be told. */
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

/** Whether nothing but its progress tells one record of a job that runs from the next. */
function isProgress(before: Job, after: Job): boolean {
  return (
    before.status === 'processing' &&
    after.status === 'processing' &&
    before.assignment.instance === after.assignment.instance &&
    before.assignment.promptId === after.assignment.promptId
  );
}
