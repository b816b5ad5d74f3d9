import type { Lane } from './Lane.js';
import type { Offer } from './Offer.js';
import { Plan, type PlanParts } from './Plan.js';
import { MAX_OUTLOOK, turnsOf, UNKNOWN } from './prospects.js';
import type { Assignment, MachineView, Outlook, Prospect, TurnReason, WaitingJob } from './types.js';

/** Jobs that a decision places individually. Beyond them it only matters whether a machine is needed at all. */
const MAX_STEPS = 32;

/** Jobs without a switch of models should take this many times the cost of a switch: 92 % of the time is left for jobs. */
const BATCH = 12;

/** Maximum number of machines in the explanation of a decision. */
const MAX_CONSIDERED = 8;

/**
 * Decides which job starts next, and what waiting jobs can expect. It starts nothing itself.
 *
 * Each job in turn is assigned to the machine with the earliest result. If that machine is busy, the job waits and the
 * next job is considered. Turns are ordered by priority, then by the machine time that the client used, then by
 * arrival. There are two exceptions: jobs whose models are loaded on a machine, as long as that saves more than it
 * delays; and jobs that were skipped for too long.
 */
export class Decisions {
  readonly #parts: PlanParts;
  readonly #maxPassedOverMs: number;

  /**
   * @param maxPassedOverMs maximum time for which jobs start before an earlier one because of loaded models, fairness or
   * priority, ms
   */
  constructor(parts: PlanParts, maxPassedOverMs: number) {
    this.#parts = parts;
    this.#maxPassedOverMs = maxPassedOverMs;
  }

  /**
   * Returns the next job and its machine.
   * @param machines machines in service, free or not
   * @param wasLate whether the last started job had been skipped for too long
   * @returns `undefined` if no job can start now
   */
  next(machines: readonly MachineView[], now: number, wasLate: boolean): Assignment | undefined {
    const plan = this.#plan(machines, now);
    if (!plan.hasUse) return undefined;
    try {
      return this.#decide(plan, now, wasLate);
    } finally {
      plan.end();
    }
  }

  /**
   * Returns why a job waits, and its prospect; `undefined` if it is not waiting.
   * @param prospects returns what `prospects` returned a short time ago; called only for a job that can run
   */
  outlook(
    id: string,
    machines: readonly MachineView[],
    now: number,
    prospects: () => ReadonlyMap<string, Prospect>,
  ): Outlook | undefined {
    const lane = this.#parts.waiting.laneOf(id);
    if (!lane) return undefined;
    const isPossible = machines.some((one) => one.canRun(lane.kind.workflow));
    if (!isPossible) return { ...UNKNOWN, reason: 'no machine can run it', considered: [] };
    const prospect = prospects().get(id) ?? { reason: 'waits for its turn', ...UNKNOWN };
    return { ...prospect, considered: this.#plan(machines, now).considered(lane.kind, MAX_CONSIDERED) };
  }

  /** Returns the prospects of all jobs up to a limit, in the order of turns. Takes up to 100 ms with many kinds of jobs. */
  prospects(machines: readonly MachineView[], now: number): ReadonlyMap<string, Prospect> {
    const plan = this.#plan(machines, now, MAX_OUTLOOK);
    try {
      return new Map([...turnsOf(plan)].map(({ id, prospect }) => [id, prospect]));
    } finally {
      plan.end();
    }
  }

  #plan(machines: readonly MachineView[], now: number, maxOfBusyKind?: number): Plan {
    for (const { id, others } of machines) if (others > 0) this.#parts.ledger.disturb(id);
    return new Plan(this.#parts, machines, now, maxOfBusyKind);
  }

  #decide(plan: Plan, now: number, wasLate: boolean): Assignment | undefined {
    const before = now - this.#maxPassedOverMs;
    let late = wasLate
      ? undefined
      : this.#parts.waiting.passedOverBefore(before, (kind) => plan.hasFree(kind));
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

  /** With many waiting jobs, uses each free machine that can end a job before the busy ones have executed them all. */
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

  /** Whether a lane's job would make a machine load models too early: soon after the last switch, or while the job can wait. */
  #isBatchUnderWay({ passedSince }: Lane, machine: string, loadMs: number, now: number): boolean {
    const batchMs = Math.min(this.#maxPassedOverMs, BATCH * loadMs);
    const since = passedSince ?? now;
    return now - since < batchMs || now - this.#parts.ledger.loadedSince(machine) < batchMs;
  }
}
