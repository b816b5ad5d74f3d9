import { Scheduler } from '../../src/services/instances/scheduling/Scheduler.js';
import { DECLARED_MS, MAX_PASSED_OVER_MS, viewOf } from './policies.js';
import type { MachineState, Policy, SimulatedJob } from './simulate.js';

/** A job on a machine, and the server that started it. */
interface Started {
  readonly job: SimulatedJob;
  readonly machine: string;
  readonly server: number;
}

/**
 * Several servers with one queue, as with `QUEUE=redis`: each has its own scheduler and knows of the others what they send each
 * other. Whichever asks first gets the job.
 */
export class SeveralServers implements Policy {
  readonly name: string;
  readonly #servers: readonly Scheduler[];
  readonly #slots: number;
  readonly #jobs = new Map<string, SimulatedJob>();
  readonly #started = new Map<string, Started>();
  readonly #turn: () => number;

  /** @param random between 0 and 1: decides which server asks first */
  constructor(count: number, slots: number, random: () => number) {
    this.name = `${count} servers`;
    this.#slots = slots;
    this.#servers = Array.from(
      { length: count },
      () => new Scheduler({ maxPassedOverMs: MAX_PASSED_OVER_MS }, () => DECLARED_MS),
    );
    this.#turn = () => Math.floor(random() * count);
  }

  arrive(job: SimulatedJob, now: number): void {
    this.#jobs.set(job.id, job);
    for (const server of this.#servers) {
      server.add({ ...job, enqueuedAt: now, isAgain: false, avoid: new Set(), largest: 0 });
    }
  }

  next(machines: readonly MachineState[], now: number): { job: SimulatedJob; machineId: string } | undefined {
    const first = this.#turn();
    for (let n = 0; n < this.#servers.length; n += 1) {
      const next = this.#ask((first + n) % this.#servers.length, machines, now);
      if (next) return next;
    }
    return undefined;
  }

  ended(job: SimulatedJob, now: number, executionMs: number): void {
    const started = this.#started.get(job.id);
    if (!started) return;
    this.#started.delete(job.id);
    const { machine } = started;
    const execution = this.#servers[started.server]?.end(job.id, true, now, executionMs);
    for (const other of this.#others(started.server)) other.hear({ machine, ended: job.id, execution }, now);
  }

  expire(now: number): SimulatedJob[] {
    const expired = new Set<SimulatedJob>();
    for (const server of this.#servers) {
      for (let late = server.takeOverdue(now); late; late = server.takeOverdue(now)) {
        const job = this.#jobs.get(late.id);
        if (job) expired.add(job);
      }
    }
    return [...expired];
  }

  #ask(
    at: number,
    machines: readonly MachineState[],
    now: number,
  ): { job: SimulatedJob; machineId: string } | undefined {
    const server = this.#servers[at];
    const views = machines.map((state) => viewOf(state, this.#slots, now, this.#startedElsewhere(state, at)));
    const decision = server?.decide(views, now);
    const job = decision && this.#jobs.get(decision.job.id);
    if (!server || !decision || !job) return undefined;
    const { machine } = decision;
    const started = { job: job.id, client: job.client, expectedMs: server.begin(decision, now) };
    this.#started.set(job.id, { job, machine, server: at });
    server.hear({ machine, loaded: job.models }, now);
    for (const other of this.#others(at)) {
      other.hear({ machine, loaded: job.models, started }, now);
      other.remove(job.id);
    }
    return { job, machineId: machine };
  }

  #startedElsewhere({ queue }: MachineState, server: number): number {
    return queue.filter(({ job }) => this.#started.get(job.id)?.server !== server).length;
  }

  #others(server: number): Scheduler[] {
    return this.#servers.filter((_, at) => at !== server);
  }
}
