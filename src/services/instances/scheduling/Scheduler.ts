import type { Client, Lane } from './Lane.js';
import { MachineLedger } from './MachineLedger.js';
import type { Offer } from './Offer.js';
import { Plan } from './Plan.js';
import { SpeedEstimates } from './SpeedEstimates.js';
import type { Assignment, MachineView, Outlook, TurnReason, WaitingJob } from './types.js';
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
 * passed over for too long.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #waiting = new WaitingJobs();
  readonly #speeds: SpeedEstimates;
  readonly #ledger: MachineLedger;
  readonly #running = new Map<string, Running>();
  /** The last start was that of a job that had been passed over for long. */
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
    this.#wasLate = reason === 'passed over for long';
    if (insteadOf !== undefined) this.#waiting.markPassedOver(insteadOf, now);
  }

  /**
   * A job is no longer on its machine.
   * @param hasCompleted others say nothing about how long one takes
   * @param executionMs of the execution alone, where it was measured; otherwise from the end of the job before
   */
  end(id: string, hasCompleted: boolean, now: number, executionMs?: number): void {
    const running = this.#running.get(id);
    if (!running) return;
    this.#running.delete(id);
    const { machine, client, expectedMs } = running;
    client.running -= 1;
    const ended = this.#ledger.end(machine, id, now, executionMs);
    if (ended && !hasCompleted && ended.job.loading !== 'nothing') this.#ledger.doubtLoaded(machine);
    if (ended?.ms === undefined) return;
    this.#waiting.charge(client, ended.ms - expectedMs);
    if (!hasCompleted) return;
    const { workflow, loading } = ended.job;
    this.#speeds.learn({ workflow, machine, ms: ended.ms, loading }, now);
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
    const plan = this.#plan(machines, now);
    try {
      const considered = plan.considered(lane.kind, MAX_CONSIDERED);
      return { ...this.#place(plan, id), considered };
    } finally {
      plan.end();
    }
  }

  #plan(machines: readonly MachineView[], now: number): Plan {
    for (const { id, others } of machines) if (others > 0) this.#ledger.disturb(id);
    return new Plan({ waiting: this.#waiting, speeds: this.#speeds, ledger: this.#ledger }, machines, now);
  }

  #decide(plan: Plan, now: number): Assignment | undefined {
    const before = now - this.#options.maxPassedOverMs;
    let late = this.#wasLate
      ? undefined
      : this.#waiting.passedOverBefore(before, (kind) => plan.hasFree(kind));
    for (let step = 0; step < MAX_STEPS; step += 1) {
      const reason: TurnReason = late ? 'passed over for long' : 'next in turn';
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

  #place(plan: Plan, id: string): Omit<Outlook, 'considered'> {
    for (let jobsAhead = 0; jobsAhead < MAX_OUTLOOK; jobsAhead += 1) {
      const lane = plan.nextLane();
      const job = lane?.head?.job;
      if (!lane || !job) break;
      const offer = plan.bestOffer(lane.kind, job);
      if (job.id !== id) {
        if (offer) plan.place(lane, offer);
        else plan.passBy(lane);
        continue;
      }
      if (!offer) return { reason: 'no machine can run it', ...UNKNOWN };
      const isTurn = jobsAhead === 0 && plan.hasFree(lane.kind);
      const reason = isTurn ? 'waits for a faster machine' : 'waits for its turn';
      return { reason, jobsAhead, machine: offer.machine.view.id, expectedMs: Math.round(offer.expectedMs) };
    }
    return { reason: 'waits for its turn', ...UNKNOWN };
  }
}
