import type { Clock } from '../../utils/clock.js';
import type { LoadBalancer } from '../instances/LoadBalancer.js';
import type { Scheduler } from '../instances/scheduling/Scheduler.js';

interface Parts {
  readonly scheduler: Scheduler;
  readonly balancer: LoadBalancer;
  readonly clock: Clock;
}

/**
 * What an autoscaler goes by. Waiting work is counted by what jobs took lately; each machine executes one prompt after the
 * other, whatever it takes at once.
 */
export class FleetLoad {
  readonly #parts: Parts;
  readonly #targetMs: number;
  readonly #startedAt: number;

  /** @param targetMs within which the jobs that wait should have been executed */
  constructor(parts: Parts, targetMs: number) {
    this.#parts = parts;
    this.#targetMs = targetMs;
    this.#startedAt = parts.clock.now();
  }

  /** By workflow, seconds until the machines that can run it are through with its jobs that wait. One machine where there is none. */
  queueSeconds(): Map<string, number> {
    const { scheduler, balancer } = this.#parts;
    const seconds = [...scheduler.waitingMs()].map(([workflow, ms]) => {
      const capacity = balancer.instances.filter((instance) => instance.canRun(workflow)).length;
      return [workflow, ms / Math.max(1, capacity) / 1000] as const;
    });
    return new Map(seconds);
  }

  /** Machines that execute the jobs that wait in time, but not fewer than are busy. */
  wantedMachines(): number {
    const { scheduler, balancer } = this.#parts;
    const waitingMs = [...scheduler.waitingMs().values()].reduce((sum, ms) => sum + ms, 0);
    const busy = balancer.views().filter(({ id, others }) => scheduler.jobsOn(id) > 0 || others > 0).length;
    return Math.max(busy, Math.ceil(waitingMs / this.#targetMs));
  }

  /** By machine that may have jobs, seconds since it had any, of this server or anybody else as far as is known. */
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
