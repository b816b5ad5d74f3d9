import type { Clock } from '../../utils/clock.js';
import { typeOfKind } from '../../workflows/graphNeeds.js';
import type { LoadBalancer } from '../instances/LoadBalancer.js';
import type { Scheduler } from '../instances/scheduling/Scheduler.js';
import type { MachineView } from '../instances/scheduling/types.js';
import type { Recorder } from './Recorder.js';

interface Parts {
  readonly scheduler: Scheduler;
  readonly balancer: LoadBalancer;
  /** Knows when this server started. */
  readonly recorder: Pick<Recorder, 'startedAt'>;
  readonly clock: Clock;
}

/**
 * Metrics for autoscalers. The time of waiting jobs is estimated from recent ones. A machine executes one prompt at a
 * time, however many jobs it accepts.
 */
export class FleetLoad {
  readonly #parts: Parts;
  readonly #targetMs: number;
  /** When a machine was last found busy, epoch ms: nobody reports the end of another user's prompt. */
  readonly #busyAt = new Map<string, number>();

  /** @param targetMs time within which all waiting jobs should have been executed */
  constructor(parts: Parts, targetMs: number) {
    this.#parts = parts;
    this.#targetMs = targetMs;
  }

  /**
   * Returns by workflow how many seconds the machines that can run it need for its waiting jobs. Assumes one machine if
   * none can.
   */
  queueSeconds(): Map<string, number> {
    const { scheduler, balancer } = this.#parts;
    const seconds = new Map<string, number>();
    for (const [kind, { ms }] of scheduler.waitingWork()) {
      const capacity = balancer.instances.filter((instance) => instance.canRun(kind)).length;
      const type = typeOfKind(kind);
      seconds.set(type, (seconds.get(type) ?? 0) + ms / Math.max(1, capacity) / 1000);
    }
    return seconds;
  }

  /** Returns how many machines can execute the waiting jobs in time, and at least the number of busy machines. */
  wantedMachines(): number {
    const { scheduler, balancer } = this.#parts;
    const waitingMs = [...scheduler.waitingWork().values()].reduce((sum, { ms }) => sum + ms, 0);
    const busy = balancer.views().filter((view) => this.#isBusy(view)).length;
    return Math.max(busy, Math.ceil(waitingMs / this.#targetMs));
  }

  /** Returns by available machine the seconds since its last job, counting the jobs of others as far as they are known. */
  idleSeconds(): Map<string, number> {
    const { scheduler, balancer, recorder, clock } = this.#parts;
    const now = clock.now();
    const seconds = balancer.views().map((view) => {
      const { id } = view;
      if (this.#isBusy(view)) this.#busyAt.set(id, now);
      const since = Math.max(recorder.startedAt, scheduler.idleSince(id) ?? 0, this.#busyAt.get(id) ?? 0);
      return [id, Math.max(0, now - since) / 1000] as const;
    });
    return new Map(seconds);
  }

  /** Forgets a machine that was removed. */
  forget(host: string): void {
    this.#busyAt.delete(host);
  }

  #isBusy({ id, others }: MachineView): boolean {
    return this.#parts.scheduler.jobsOn(id) > 0 || others > 0;
  }
}
