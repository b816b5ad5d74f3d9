import { sleep } from '../../utils/timers.js';
import { LeavePrompt } from '../comfyui/LeavePrompt.js';
import { JobAbort, SHUTDOWN_FAILURE } from './failures.js';
import { isFinished, type Job } from './Job.js';
import type { JobManager } from './JobManager.js';

/** Handing over a job takes several round trips to the queue. Stopping it takes one request to its machine. */
const HAND_OVER_FACTOR = 3;

/** One attempt of a job. */
export interface ActiveAttempt {
  readonly id: string;
  /** Aborted when the attempt must stop. */
  readonly signal: AbortSignal;
  /** Resolves when no earlier attempt of the job runs here. */
  readonly ready: Promise<unknown>;
  /** The attempt is over. */
  end(): void;
}

interface Entry {
  readonly id: string;
  readonly controller: AbortController;
  readonly over: Promise<void>;
}

/** The attempts of jobs that a server took from the queue, each with the controller that stops it. */
export class ActiveJobs {
  readonly #manager: JobManager;
  readonly #entries = new Set<Entry>();
  #whenNone: Array<() => void> = [];

  constructor(manager: JobManager) {
    this.#manager = manager;
    manager.events.subscribe('finished', (job) => {
      if (job.status === 'cancelled') this.#abort(job.id, new JobAbort('ended'));
    });
    manager.runs.whenLost((held, stored) => {
      this.#abort(held.id, mayBeContinued(held, stored) ? new LeavePrompt() : new JobAbort('ended'));
    });
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Begins an attempt. If this server was paused for longer than it holds an entry, it may get the entry of a job that it still
   * runs: then it leaves that attempt first.
   */
  begin(id: string): ActiveAttempt {
    const earlier = [...this.#entries].filter((entry) => entry.id === id);
    if (earlier.length > 0) this.#abort(id, new LeavePrompt());
    const controller = new AbortController();
    let resolve: () => void = () => undefined;
    const over = new Promise<void>((done) => {
      resolve = done;
    });
    const entry = { id, controller, over };
    this.#entries.add(entry);
    const unfollow = this.#follow(id);
    const end = () => {
      unfollow();
      this.#entries.delete(entry);
      resolve();
      if (this.size === 0) for (const none of this.#whenNone.splice(0)) none();
    };
    return { id, signal: controller.signal, ready: Promise.all(earlier.map((one) => one.over)), end };
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
    const unfinished = this.#ids();
    const { isShared } = this.#manager;
    for (const { controller } of this.#entries) {
      controller.abort(isShared ? new LeavePrompt() : new JobAbort('shutdown'));
    }
    // Jobs for other servers must be back in the queue before the connection to it closes.
    await firstOf(none(), isShared ? HAND_OVER_FACTOR * patienceMs : patienceMs);
    // Other servers get the remaining jobs when the hold expires.
    if (isShared) return unfinished;
    // No client keeps waiting because a machine or a store does not respond.
    await firstOf(Promise.all(this.#ids().map((id) => this.#manager.fail(id, SHUTDOWN_FAILURE))), patienceMs);
    return unfinished;
  }

  /** Learns what other servers do with the job, also after a disconnect. */
  #follow(id: string): () => void {
    const { isShared, events, runs } = this.#manager;
    if (!isShared) return () => undefined;
    const following = events.follow(
      id,
      (job) => runs.learn(id, job),
      () => runs.learn(id, undefined),
    );
    return () => void following.then((unfollow) => unfollow());
  }

  #abort(id: string, reason: Error): void {
    for (const entry of this.#entries) if (entry.id === id) entry.controller.abort(reason);
  }

  #ids(): string[] {
    return [...new Set([...this.#entries].map(({ id }) => id))];
  }
}

/** Whether another server has taken the job, and may continue the same prompt. */
function mayBeContinued(held: Job, stored: Job | undefined): boolean {
  if (!stored || isFinished(stored)) return false;
  if (held.status !== 'processing' || stored.status !== 'processing') return true;
  const { promptId } = stored.assignment;
  return promptId === undefined || promptId === held.assignment.promptId;
}

/** Waits for `work`, at most `ms`. Leaves no timer behind. */
async function firstOf(work: Promise<unknown>, ms: number): Promise<void> {
  const enough = new AbortController();
  await Promise.race([work, sleep(ms, enough.signal)]);
  enough.abort();
}
