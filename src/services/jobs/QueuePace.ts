import { CostlyLook } from '../../utils/CostlyLook.js';
import type { LoadBalancer } from '../instances/LoadBalancer.js';
import type { Scheduler } from '../instances/scheduling/Scheduler.js';

interface Parts {
  readonly scheduler: Scheduler;
  readonly balancer: LoadBalancer;
}

/** The execution of all pending jobs on the machines in service. */
interface Work {
  readonly ms: number;
  readonly jobs: number;
}

/**
 * How fast the machines execute the pending jobs. A machine executes one prompt at a time, however many jobs it
 * accepts.
 */
export class QueuePace {
  readonly #parts: Parts;
  readonly #limit: () => number;
  /** Cached for all callers for a short time: a full queue may refuse many requests. */
  readonly #work = new CostlyLook(
    () => this.#look(),
    ({ jobs }) => jobs === 0,
  );

  /** @param limit maximum number of concurrent jobs by this server's settings */
  constructor(parts: Parts, limit: () => number) {
    this.#parts = parts;
    this.#limit = limit;
  }

  /** Number of jobs that are executed at the same time; at least 1. */
  get parallel(): number {
    return Math.max(1, Math.min(this.#machines, this.#limit()));
  }

  /** Whether this server's settings allow fewer jobs than there are machines, which the scheduler does not know. */
  get isLimited(): boolean {
    return this.#limit() < this.#machines;
  }

  /** Milliseconds until all pending jobs are executed. */
  get queueMs(): number {
    return this.#work.get().ms;
  }

  /** Milliseconds from the end of one pending job to the end of the next; `undefined` if none is known. */
  get msPerJob(): number | undefined {
    const { ms, jobs } = this.#work.get();
    return jobs > 0 ? ms / jobs : undefined;
  }

  get #machines(): number {
    return this.#parts.balancer.instances.filter((instance) => instance.isInService).length;
  }

  #look(): Work {
    const { scheduler, balancer } = this.#parts;
    let total = 0;
    let slowest = 0;
    let jobs = 0;
    for (const [kind, { ms, count }] of scheduler.waitingWork()) {
      const able = balancer.instances.filter((instance) => instance.canRun(kind)).length;
      total += ms;
      jobs += count;
      slowest = Math.max(slowest, ms / Math.max(1, able));
    }
    return { ms: Math.max(slowest, total / this.parallel), jobs };
  }
}
