import type { Clock } from '../../utils/clock.js';
import type { LoadBalancer } from '../instances/LoadBalancer.js';
import type { Scheduler } from '../instances/scheduling/Scheduler.js';

interface Parts {
  readonly scheduler: Scheduler;
  readonly balancer: LoadBalancer;
  readonly clock: Clock;
}

/**
 * Metrics for autoscalers. The time of waiting jobs is estimated from recent ones. A machine executes one prompt at a
 * time, however many jobs it accepts.
 */
export class FleetLoad {
  readonly #parts: Parts;
  readonly #targetMs: number;
  readonly #startedAt: number;

  /** @param targetMs time within which all waiting jobs should have been executed */
  constructor(parts: Parts, targetMs: number) {
    this.#parts = parts;
    this.#targetMs = targetMs;
    this.#startedAt = parts.clock.now();
  }

  /**
   * Returns by workflow how many seconds the machines that can run it need for its waiting jobs. Assumes one machine if
   * none can.
   */
  queueSeconds(): Map<string, number> {
    const { scheduler, balancer } = this.#parts;
    const seconds = [...scheduler.waitingMs()].map(([workflow, ms]) => {
      const capacity = balancer.instances.filter((instance) => instance.canRun(workflow)).length;
      return [workflow, ms / Math.max(1, capacity) / 1000] as const;
    });
    return new Map(seconds);
  }

  /** Returns how many machines can execute the waiting jobs in time, and at least the number of busy machines. */
  wantedMachines(): number {
    const { scheduler, balancer } = this.#parts;
    const waitingMs = [...scheduler.waitingMs().values()].reduce((sum, ms) => sum + ms, 0);
    const busy = balancer.views().filter(({ id, others }) => scheduler.jobsOn(id) > 0 || others > 0).length;
    return Math.max(busy, Math.ceil(waitingMs / this.#targetMs));
  }

  /** Returns by available machine the seconds since its last job, counting the jobs of others as far as they are known. */
  idleSeconds(): Map<string, number> {
    const { scheduler, balancer, clock } = this.#parts;
    const now = clock.now();
    const seconds = balancer.views().map(({ id, others }) => {
      const isBusy = scheduler.jobsOn(id) > 0 || others > 0;
      const since = scheduler.idleSince(id) ?? this.#startedAt;
      return [id, isBusy ? 0 : Math.max(0, now - since) / 1000] as const;
    });
    return new Map(seconds);
  }
}
