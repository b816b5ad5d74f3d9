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
  /** When a machine was last found busy, epoch ms: nobody reports the end of another user's prompt. */
  readonly #busyAt = new Map<string, number>();

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
    const views = balancer.views();
    for (const { id, others } of views) {
      if (scheduler.jobsOn(id) > 0 || others > 0) this.#busyAt.set(id, now);
    }
    const known = new Set(balancer.instances.map(({ host }) => host));
    for (const id of this.#busyAt.keys()) if (!known.has(id)) this.#busyAt.delete(id);
    const seconds = views.map(({ id }) => {
      const since = Math.max(this.#startedAt, scheduler.idleSince(id) ?? 0, this.#busyAt.get(id) ?? 0);
      return [id, Math.max(0, now - since) / 1000] as const;
    });
    return new Map(seconds);
  }
}
