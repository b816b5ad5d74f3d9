import { sleep } from '../../utils/timers.js';
import { LeavePrompt } from '../comfyui/LeavePrompt.js';
import { JobAbort, SHUTDOWN_FAILURE } from './failures.js';
import type { JobManager } from './JobManager.js';

/** Handing over a job takes several round trips to the queue. Stopping it takes one request to its machine. */
const HAND_OVER_FACTOR = 3;

/** The jobs that a server took from the queue, each with the controller that stops it. */
export class ActiveJobs {
  readonly #manager: JobManager;
  readonly #controllers = new Map<string, AbortController>();
  #whenNone: Array<() => void> = [];

  constructor(manager: JobManager) {
    this.#manager = manager;
    manager.events.subscribe('finished', (job) => {
      if (job.status === 'cancelled') this.#controllers.get(job.id)?.abort(new JobAbort('cancelled'));
    });
  }

  get size(): number {
    return this.#controllers.size;
  }

  /** Adds a job. @returns aborts when the job must stop */
  add(id: string): AbortController {
    const controller = new AbortController();
    this.#controllers.set(id, controller);
    return controller;
  }

  delete(id: string): void {
    this.#controllers.delete(id);
    if (this.size === 0) for (const resolve of this.#whenNone.splice(0)) resolve();
  }

  /**
   * Waits `graceMs` for the jobs, then stops them. Waits at most `patienceMs` for their machines to confirm.
   * @param taking settles when no more jobs are added
   * @returns ids of the unfinished jobs
   */
  async stop(graceMs: number, patienceMs: number, taking: Promise<void> | undefined): Promise<string[]> {
    const none = async () => {
      await taking;
      if (this.size > 0) await new Promise<void>((resolve) => this.#whenNone.push(resolve));
    };
    await firstOf(none(), graceMs);
    const unfinished = [...this.#controllers.keys()];
    const { isShared } = this.#manager;
    for (const controller of this.#controllers.values()) {
      controller.abort(isShared ? new LeavePrompt() : new JobAbort('shutdown'));
    }
    // Jobs for other servers must be back in the queue before the connection to it closes.
    await firstOf(none(), isShared ? HAND_OVER_FACTOR * patienceMs : patienceMs);
    // Other servers get the remaining jobs when the hold expires.
    if (isShared) return unfinished;
    // No client keeps waiting because a machine or a store does not respond.
    const ids = [...this.#controllers.keys()];
    await firstOf(Promise.all(ids.map((id) => this.#manager.fail(id, SHUTDOWN_FAILURE))), patienceMs);
    return unfinished;
  }
}

/** Waits for `work`, at most `ms`. Leaves no timer behind. */
async function firstOf(work: Promise<unknown>, ms: number): Promise<void> {
  const enough = new AbortController();
  await Promise.race([work, sleep(ms, enough.signal)]);
  enough.abort();
}
