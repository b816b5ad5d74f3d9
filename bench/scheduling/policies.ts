import { Scheduler } from '../../src/services/instances/scheduling/Scheduler.js';
import type { MachineView } from '../../src/services/instances/scheduling/types.js';
import type { MachineState, Policy, SimulatedJob } from './simulate.js';

/** The declared duration of every workflow, ms: wrong on purpose, to test the scheduler before there are measurements. */
export const DECLARED_MS = 10_000;

export const MAX_PASSED_OVER_MS = 120_000;

const canRun = ({ machine: { runs } }: MachineState, workflow: string) => runs?.has(workflow) ?? true;

/** A machine as the scheduler sees it. @param ofServers number of its jobs that other servers started */
export function viewOf(state: MachineState, slots: number, now: number, ofServers = 0): MachineView {
  const { id, others } = state.machine;
  const prompts = others ? Math.ceil(Math.max(0, others.prompts - now / others.ms)) : 0;
  return {
    id,
    freeSlots: slots - state.queue.length,
    others: prompts + ofServers,
    ofServers,
    canRun: (workflow) => canRun(state, workflow),
    accepts: () => true,
  };
}

/** The server's own scheduler. */
export class RealPolicy implements Policy {
  readonly name = 'scheduler';
  readonly #scheduler = new Scheduler({ maxPassedOverMs: MAX_PASSED_OVER_MS }, () => DECLARED_MS);
  readonly #jobs = new Map<string, SimulatedJob>();
  readonly #slots: number;

  constructor(slots: number) {
    this.#slots = slots;
  }

  arrive(job: SimulatedJob, now: number): void {
    this.#jobs.set(job.id, job);
    this.#scheduler.add({ ...job, enqueuedAt: now, isAgain: false, avoid: new Set(), largest: 0 });
  }

  next(machines: readonly MachineState[], now: number): { job: SimulatedJob; machineId: string } | undefined {
    const views = machines.map((state) => viewOf(state, this.#slots, now));
    const decision = this.#scheduler.decide(views, now);
    const job = decision && this.#jobs.get(decision.job.id);
    if (!decision || !job) return undefined;
    this.#scheduler.begin(decision, now);
    return { job, machineId: decision.machine };
  }

  ended(job: SimulatedJob, now: number): void {
    this.#jobs.delete(job.id);
    this.#scheduler.end(job.id, true, now);
  }

  expire(now: number): SimulatedJob[] {
    const expired: SimulatedJob[] = [];
    for (;;) {
      const late = this.#scheduler.takeOverdue(now);
      const job = late && this.#jobs.get(late.id);
      if (!job) return expired;
      this.#jobs.delete(job.id);
      expired.push(job);
    }
  }
}

/**
 * Gives the oldest job to a machine with a free slot: round robin, or the least loaded one. Skips jobs that no machine can run.
 */
export class OldestFirst implements Policy {
  readonly name: string;
  readonly #slots: number;
  readonly #isLeastLoad: boolean;
  #waiting: SimulatedJob[] = [];

  constructor(name: 'FIFO' | 'least load', slots: number) {
    this.name = name;
    this.#slots = slots;
    this.#isLeastLoad = name === 'least load';
  }

  arrive(job: SimulatedJob): void {
    this.#waiting.push(job);
  }

  next(machines: readonly MachineState[]): { job: SimulatedJob; machineId: string } | undefined {
    const free = machines.filter(({ queue }) => queue.length < this.#slots);
    if (free.length === 0) return undefined;
    const hopeless = new Set<string>();
    for (const [at, job] of this.#waiting.entries()) {
      if (hopeless.has(job.workflow)) continue;
      const able = free.filter((state) => canRun(state, job.workflow));
      const [best] = able.sort((one, other) => this.#compare(one, other));
      if (best) {
        this.#waiting.splice(at, 1);
        return { job, machineId: best.machine.id };
      }
      hopeless.add(job.workflow);
    }
    return undefined;
  }

  #compare(one: MachineState, other: MachineState): number {
    const load = this.#isLeastLoad ? one.queue.length - other.queue.length : 0;
    return load || one.lastGiven - other.lastGiven;
  }

  ended(): void {
    // This policy learns nothing.
  }

  expire(now: number): SimulatedJob[] {
    const isLate = ({ deadline = Number.POSITIVE_INFINITY }: SimulatedJob) => deadline < now;
    const expired = this.#waiting.filter(isLate);
    if (expired.length > 0) this.#waiting = this.#waiting.filter((job) => !isLate(job));
    return expired;
  }
}
