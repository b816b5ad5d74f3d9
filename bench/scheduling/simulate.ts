/**
 * A fleet in virtual time: jobs arrive, a policy assigns them to machines, each machine executes one after the other, as ComfyUI
 * does.
 */

export interface SimulatedJob {
  readonly id: string;
  readonly client: string;
  readonly workflow: string;
  readonly models: readonly string[];
  readonly priority: number;
  /** Virtual ms. */
  readonly arrivesAt: number;
  readonly deadline?: number;
  /** On a machine with speed 1 and loaded models, ms. */
  readonly workMs: number;
}

export interface SimulatedMachine {
  readonly id: string;
  /** Speed at a virtual time: the duration of a job that starts then is its work divided by the speed. */
  speedAt(time: number): number;
  /** Virtual ms; the machine takes no jobs before and after. */
  readonly joinsAt?: number;
  readonly leavesAt?: number;
  /** Workflows that it can run; all if omitted. */
  readonly runs?: ReadonlySet<string>;
  /** Prompts of other users at the start, and how long each takes, ms. */
  readonly others?: { readonly prompts: number; readonly ms: number };
}

export interface Scenario {
  readonly jobs: readonly SimulatedJob[];
  readonly machines: readonly SimulatedMachine[];
  /** Time to load other models, ms. */
  readonly switchMs: number;
  /** Number of jobs that a machine accepts at once; all but one wait in its queue. */
  readonly slots: number;
  /** Jobs that each arrive when the previous one has ended; the first one arrives at its own time. */
  readonly chain?: readonly SimulatedJob[];
}

/** A machine as a policy sees it. */
export interface MachineState {
  readonly machine: SimulatedMachine;
  readonly queue: { readonly job: SimulatedJob; readonly startedAt: number }[];
  /** Models of the last job. */
  loaded: string;
  busyUntil: number;
  lastGiven: number;
}

/** A scheduling policy to compare. */
export interface Policy {
  readonly name: string;
  arrive(job: SimulatedJob, now: number): void;
  /** Removes the next job from the queue and returns it with its machine; undefined if none can start now. */
  next(machines: readonly MachineState[], now: number): { job: SimulatedJob; machineId: string } | undefined;
  /** @param executionMs as a server measures it, including loading */
  ended(job: SimulatedJob, now: number, executionMs: number): void;
  /** Jobs that were removed because their deadline has passed. */
  expire(now: number): SimulatedJob[];
}

interface Finished {
  readonly job: SimulatedJob;
  readonly machine: string;
  /** Virtual ms: time of the assignment and of the end. */
  readonly givenAt: number;
  readonly endedAt: number;
}

export interface Run {
  readonly finished: readonly Finished[];
  readonly expired: readonly SimulatedJob[];
  /** End of the last job, virtual ms. */
  readonly makespanMs: number;
  readonly switches: number;
}

/** Interval of checks for waiting jobs if nothing happens, like the server's polling, virtual ms. */
const POLL_MS = 1000;

type Happening = { readonly at: number; readonly run: () => void };

/** Runs a scenario to its end. @throws Error if jobs remain that never run */
export function simulate(scenario: Scenario, policy: Policy): Run {
  return new Simulation(scenario, policy).run();
}

class Simulation {
  readonly #scenario: Scenario;
  readonly #policy: Policy;
  readonly #machines: MachineState[];
  readonly #happenings: Happening[] = [];
  readonly #finished: Finished[] = [];
  readonly #expired: SimulatedJob[] = [];
  /** Jobs of the chain that have not arrived. */
  readonly #coming: SimulatedJob[];
  #switches = 0;

  constructor(scenario: Scenario, policy: Policy) {
    this.#scenario = scenario;
    this.#policy = policy;
    this.#coming = [...(scenario.chain ?? [])];
    this.#machines = scenario.machines.map((machine) => ({
      machine,
      queue: [],
      loaded: '',
      busyUntil: (machine.others?.prompts ?? 0) * (machine.others?.ms ?? 0),
      lastGiven: 0,
    }));
    for (const { joinsAt } of scenario.machines) if (joinsAt) this.#at(joinsAt, () => undefined);
    for (const job of [...scenario.jobs, ...this.#coming.splice(0, 1)])
      this.#at(job.arrivesAt, () => this.#policy.arrive(job, job.arrivesAt));
  }

  run(): Run {
    const { jobs, chain = [] } = this.#scenario;
    const length = jobs.length + chain.length;
    let now = 0;
    let idlePolls = 0;
    while (this.#finished.length + this.#expired.length < length) {
      const happening = this.#happenings.shift();
      now = happening?.at ?? now + POLL_MS;
      idlePolls = happening ? 0 : idlePolls + 1;
      if (idlePolls > 1000) throw new Error(`${this.#policy.name} leaves jobs that never run`);
      happening?.run();
      if (this.#happenings[0]?.at === now) continue;
      this.#expired.push(...this.#policy.expire(now));
      this.#give(now);
    }
    const makespanMs = Math.max(0, ...this.#finished.map(({ endedAt }) => endedAt));
    return { finished: this.#finished, expired: this.#expired, makespanMs, switches: this.#switches };
  }

  #give(now: number): void {
    const present = this.#machines.filter(
      ({ machine: { joinsAt = 0, leavesAt = Number.POSITIVE_INFINITY } }) => joinsAt <= now && now < leavesAt,
    );
    for (;;) {
      const next = this.#policy.next(present, now);
      const state = present.find(({ machine }) => machine.id === next?.machineId);
      if (!next || !state) return;
      if (state.queue.length >= this.#scenario.slots) throw new Error(`${this.#policy.name}: no free slot`);
      this.#execute(next.job, state, now);
    }
  }

  #execute(job: SimulatedJob, state: MachineState, now: number): void {
    const { machine, queue } = state;
    const models = job.models.join();
    const beginsAt = Math.max(now, state.busyUntil);
    const mustLoad = models !== '' && state.loaded !== models;
    if (mustLoad) this.#switches += 1;
    const endsAt =
      beginsAt + job.workMs / machine.speedAt(beginsAt) + (mustLoad ? this.#scenario.switchMs : 0);
    if (models !== '') state.loaded = models;
    state.busyUntil = endsAt;
    state.lastGiven = now;
    queue.push({ job, startedAt: now });
    this.#at(endsAt, () => {
      queue.shift();
      this.#finished.push({ job, machine: machine.id, givenAt: now, endedAt: endsAt });
      this.#policy.ended(job, endsAt, endsAt - beginsAt);
      const isOfChain = this.#scenario.chain?.some(({ id }) => id === job.id);
      const following = isOfChain ? this.#coming.shift() : undefined;
      if (following) this.#policy.arrive({ ...following, arrivesAt: endsAt }, endsAt);
    });
  }

  /** Ordered by time, then by insertion. */
  #at(time: number, run: () => void): void {
    let low = 0;
    let high = this.#happenings.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#happenings[middle]?.at ?? 0) <= time) low = middle + 1;
      else high = middle;
    }
    this.#happenings.splice(low, 0, { at: time, run });
  }
}
