import type { Client, Lane } from './Lane.js';
import { MachineLedger } from './MachineLedger.js';
import type { Offer } from './Offer.js';
import { Plan } from './Plan.js';
import { type Execution, SpeedEstimates } from './SpeedEstimates.js';
import type { Assignment, MachineView, Outlook, Prospect, TurnReason, WaitingJob } from './types.js';
import { WaitingJobs } from './WaitingJobs.js';

export interface SchedulerOptions {
  /**
   * Jobs go before one that came earlier, for the sake of loaded models, fairness or priority, for at most so long, ms.
   * From then on its lane gets every second start.
   */
  readonly maxPassedOverMs: number;
}

/** Jobs that one decision places one by one. Behind them it is enough to know whether a machine is needed at all. */
const MAX_STEPS = 32;

/** Jobs that are looked at to tell how many are before one. */
const MAX_OUTLOOK = 1000;

/** A switch of models is worth it when so many times its cost was spent on jobs that needed none: 92 % remain for jobs. */
const BATCH = 12;

/** Machines that a decision is explained with. */
const MAX_CONSIDERED = 8;

const UNKNOWN = { jobsAhead: undefined, machine: undefined, expectedMs: undefined };

/** What another server tells about a machine. */
interface Update {
  readonly machine: string;
  /** Models of the last job that it was given; none where they are not known. */
  readonly loaded?: readonly string[] | undefined;
  readonly execution?: Omit<Execution, 'machine'> | undefined;
}

interface Running {
  readonly machine: string;
  readonly client: Client;
  readonly expectedMs: number;
}

/**
 * Decides which waiting job goes to which machine. It does no I/O and has no clock: whoever owns it tells it what
 * happens, with the time (epoch ms).
 *
 * Each job in turn goes where its result is earliest, also when that machine is busy: then it waits, and the next one is
 * looked at. Turns: priority, then the client that used the least machine time, then who came first. Two things go
 * before that: jobs whose models a machine has loaded, as long as that saves more than it delays; and jobs that were
 * skipped for too long.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #waiting = new WaitingJobs();
  readonly #speeds: SpeedEstimates;
  readonly #ledger: MachineLedger;
  readonly #running = new Map<string, Running>();
  /** The last start was that of a job that had been skipped for too long. */
  #wasLate = false;

  /** @param declaredMs how long a workflow says that it takes, for as long as nothing was measured */
  constructor(options: SchedulerOptions, declaredMs: (workflow: string) => number) {
    this.#options = options;
    this.#speeds = new SpeedEstimates(declaredMs);
    this.#ledger = new MachineLedger(this.#speeds);
  }

  /** Jobs that wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Execution time of the jobs that wait, by workflow, ms: on machines of usual speed, models loaded. */
  waitingMs(): Map<string, number> {
    const all = new Map<string, number>();
    for (const { workflow, count } of this.#waiting.kinds) {
      all.set(workflow, (all.get(workflow) ?? 0) + count * this.#speeds.usualMs(workflow));
    }
    return all;
  }

  /** Jobs that a machine was given and that have not ended. */
  jobsOn(machine: string): number {
    return this.#ledger.jobsOn(machine);
  }

  /** When a machine's last job ended, epoch ms; undefined while it has jobs, and before its first one. */
  idleSince(machine: string): number | undefined {
    return this.#ledger.idleSince(machine);
  }

  /** When the next deadline of a waiting job ends, epoch ms. */
  get nextDeadline(): number | undefined {
    return this.#waiting.nextDeadline;
  }

  /** Lets a job wait. One with the same id is replaced. */
  add(job: WaitingJob): void {
    this.#waiting.add(job);
  }

  /** A job waits no more, and did not begin. */
  remove(id: string): void {
    this.#waiting.remove(id);
  }

  /** Takes a job out that can begin in time no more; undefined where there is none. Call until then. */
  takeOverdue(now: number): WaitingJob | undefined {
    const job = this.#waiting.overdue(now);
    if (job) this.#waiting.remove(job.id);
    return job;
  }

  /**
   * The next job and its machine. Nothing changes until `begin` says that it is so.
   * @param machines those that may have jobs at present, free or not
   * @returns undefined when no job is to begin now
   */
  decide(machines: readonly MachineView[], now: number): Assignment | undefined {
    if (this.size === 0 || !machines.some(({ freeSlots }) => freeSlots > 0)) return undefined;
    const plan = this.#plan(machines, now);
    if (!plan.hasUse) return undefined;
    try {
      return this.#decide(plan, now);
    } finally {
      plan.end();
    }
  }

  /** A job begins on a machine, as decided. Does nothing for one that does not wait. */
  begin({ job: { id, workflow, models }, machine, reason, insteadOf }: Assignment, now: number): void {
    const isLoaded = this.#ledger.loadingOf(models, machine) === 'nothing';
    const runMs = this.#ledger.runTimes(workflow, now)(machine);
    const expectedMs = isLoaded ? runMs : runMs + this.#speeds.loadMs(workflow);
    const client = this.#waiting.begin(id, expectedMs, now);
    if (!client) return;
    this.#ledger.give(machine, { id, workflow, expectedMs }, models, now);
    this.#running.set(id, { machine, client, expectedMs });
    this.#wasLate = reason === 'skipped for too long';
    if (insteadOf !== undefined) this.#waiting.markPassedOver(insteadOf, now);
  }

  /**
   * A job is no longer on its machine.
   * @param hasCompleted others say nothing about how long one takes
   * @param executionMs of the execution alone, where it was measured; otherwise from the end of the job before
   * @returns what was learned, if anything was
   */
  end(id: string, hasCompleted: boolean, now: number, executionMs?: number): Execution | undefined {
    const running = this.#running.get(id);
    if (!running) return undefined;
    this.#running.delete(id);
    const { machine, client, expectedMs } = running;
    client.running -= 1;
    const ended = this.#ledger.end(machine, id, now, executionMs);
    if (ended && !hasCompleted && ended.job.loading !== 'nothing') this.#ledger.doubtLoaded(machine);
    if (ended?.ms === undefined) return undefined;
    this.#waiting.charge(client, ended.ms - expectedMs);
    if (!hasCompleted) return undefined;
    const { workflow, loading } = ended.job;
    const execution = { workflow, machine, ms: ended.ms, loading };
    this.#speeds.learn(execution, now);
    return execution;
  }

  /** What was found out about a machine by a server that gives it jobs, too. */
  hear({ machine, loaded, execution }: Update, now: number): void {
    if (loaded) this.#ledger.load(machine, loaded, now);
    if (execution) this.#speeds.learn({ ...execution, machine }, now);
  }

  /** What is known of a machine: the models that its last jobs loaded, and ms of one execution by workflow. */
  knowledgeOf(machine: string): { loaded: readonly string[]; msByWorkflow: ReadonlyMap<string, number> } {
    return { loaded: this.#ledger.loadedOn(machine), msByWorkflow: this.#speeds.measuredOn(machine) };
  }

  /** A machine came back after a fault or a restart: it counts as a new one, so that it gets its chance. */
  forgetMachine(machine: string): void {
    this.#speeds.forget(machine);
    this.#ledger.forgetLoaded(machine);
  }

  /** Why a job waits, and what it may expect; undefined for one that does not. Takes up to some milliseconds. */
  outlook(id: string, machines: readonly MachineView[], now: number): Outlook | undefined {
    const lane = this.#waiting.laneOf(id);
    if (!lane) return undefined;
    const isPossible = machines.some((one) => one.canRun(lane.kind.workflow));
    if (!isPossible) return { ...UNKNOWN, reason: 'no machine can run it', considered: [] };
    const plan = this.#plan(machines, now, MAX_OUTLOOK);
    try {
      const considered = plan.considered(lane.kind, MAX_CONSIDERED);
      for (const turn of this.#turns(plan)) if (turn.id === id) return { ...turn.prospect, considered };
      return { reason: 'waits for its turn', ...UNKNOWN, considered };
    } finally {
      plan.end();
    }
  }

  /** The same for all jobs up to a bound, those whose turn is next first. Takes as long as for one. */
  prospects(machines: readonly MachineView[], now: number): ReadonlyMap<string, Prospect> {
    const plan = this.#plan(machines, now, MAX_OUTLOOK);
    try {
      return new Map([...this.#turns(plan)].map(({ id, prospect }) => [id, prospect]));
    } finally {
      plan.end();
    }
  }

  #plan(machines: readonly MachineView[], now: number, maxOfBusyKind?: number): Plan {
    for (const { id, others } of machines) if (others > 0) this.#ledger.disturb(id);
    const parts = { waiting: this.#waiting, speeds: this.#speeds, ledger: this.#ledger };
    return new Plan(parts, machines, now, maxOfBusyKind);
  }

  #decide(plan: Plan, now: number): Assignment | undefined {
    const before = now - this.#options.maxPassedOverMs;
    let late = this.#wasLate
      ? undefined
      : this.#waiting.passedOverBefore(before, (kind) => plan.hasFree(kind));
    for (let step = 0; step < MAX_STEPS; step += 1) {
      const reason: TurnReason = late ? 'skipped for too long' : 'next in turn';
      const lane = late ?? plan.nextLane();
      late = undefined;
      const job = lane?.head?.job;
      if (!lane || !job) return undefined;
      const offer = plan.bestOffer(lane.kind, job);
      if (!offer) plan.passBy(lane);
      else if (offer.machine.isFree) return this.#assign(plan, lane, job, offer, reason, now);
      else plan.place(lane, offer);
    }
    return this.#useIdle(plan, now);
  }

  /** So many jobs wait that every machine that can end one before the others are through with them has its use. */
  #useIdle(plan: Plan, now: number): Assignment | undefined {
    for (let lane = plan.nextLane(); lane; lane = plan.nextLane()) {
      const job = lane.head?.job;
      const offer = job && plan.neededOffer(lane.kind, job);
      if (offer) return this.#assign(plan, lane, job, offer, 'next in turn', now);
      plan.skip(lane.kind);
    }
    return undefined;
  }

  #assign(
    plan: Plan,
    lane: Lane,
    job: WaitingJob,
    offer: Offer,
    reason: TurnReason,
    now: number,
  ): Assignment {
    const machine = offer.machine.view.id;
    const mayWait = offer.isCostly && this.#isBatchUnderWay(lane, machine, offer.loadMs, now);
    const other = mayWait ? plan.loadedAlternative(machine, lane.priority, offer.loadMs) : undefined;
    if (!other) {
      const considered = plan.considered(lane.kind, MAX_CONSIDERED);
      return { job, machine, reason, insteadOf: undefined, considered };
    }
    const considered = plan.considered(other.kind, MAX_CONSIDERED);
    const instead = other.head?.job ?? job;
    return { job: instead, machine, reason: 'models are loaded', insteadOf: job.id, considered };
  }

  /** Whether a lane's job would make a machine load models too soon: after the last switch, or while it can wait. */
  #isBatchUnderWay({ passedSince }: Lane, machine: string, loadMs: number, now: number): boolean {
    const batchMs = Math.min(this.#options.maxPassedOverMs, BATCH * loadMs);
    const since = passedSince ?? now;
    return now - since < batchMs || now - this.#ledger.loadedSince(machine) < batchMs;
  }

  /** What becomes of the waiting jobs, in the order of their turns. */
  *#turns(plan: Plan): Generator<{ id: string; prospect: Prospect }> {
    let jobsAhead = 0;
    for (let seen = 0; seen < MAX_OUTLOOK; seen += 1) {
      const lane = plan.nextLane();
      const job = lane?.head?.job;
      if (!lane || !job) return;
      const offer = plan.bestOffer(lane.kind, job);
      yield { id: job.id, prospect: prospectOf(offer, jobsAhead, plan.hasFree(lane.kind)) };
      if (!offer) {
        plan.passBy(lane);
        continue;
      }
      plan.place(lane, offer);
      jobsAhead += 1;
    }
  }
}

/** @param hasFree whether a free machine could run the job */
function prospectOf(offer: Offer | undefined, jobsAhead: number, hasFree: boolean): Prospect {
  if (!offer) return { reason: 'no machine can run it', ...UNKNOWN };
  const isTurn = jobsAhead === 0 && hasFree && !offer.machine.isFree;
  return {
    reason: isTurn ? 'waits for a faster machine' : 'waits for its turn',
    jobsAhead,
    machine: offer.machine.view.id,
    expectedMs: Math.round(offer.expectedMs),
  };
}
