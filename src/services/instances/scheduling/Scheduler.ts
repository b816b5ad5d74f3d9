import type { Client, Lane } from './Lane.js';
import { MachineLedger } from './MachineLedger.js';
import type { Offer } from './Offer.js';
import { Plan } from './Plan.js';
import { MAX_OUTLOOK, turnsOf, UNKNOWN } from './prospects.js';
import { type Execution, SpeedEstimates } from './SpeedEstimates.js';
import type {
  Assignment,
  MachineView,
  Outlook,
  Prospect,
  TurnReason,
  UpdateOfServer,
  WaitingJob,
} from './types.js';
import { WaitingJobs } from './WaitingJobs.js';

export interface SchedulerOptions {
  /**
   * Maximum time for which jobs start before an earlier one because of loaded models, fairness or priority, ms. After
   * that, its lane gets every second start.
   */
  readonly maxPassedOverMs: number;
}

/** Jobs that a decision places individually. Beyond them it only matters whether a machine is needed at all. */
const MAX_STEPS = 32;

/** Jobs without a switch of models should take this many times the cost of a switch: 92 % of the time is left for jobs. */
const BATCH = 12;

/** Maximum number of machines in the explanation of a decision. */
const MAX_CONSIDERED = 8;

interface Running {
  readonly machine: string;
  readonly client: Client;
  readonly expectedMs: number;
}

/**
 * Decides which waiting job runs on which machine. It does no I/O and has no clock: its owner reports all events with
 * their time (epoch ms).
 *
 * Each job in turn is assigned to the machine with the earliest result. If that machine is busy, the job waits and the
 * next job is considered. Turns are ordered by priority, then by the machine time that the client used, then by
 * arrival. There are two exceptions: jobs whose models are loaded on a machine, as long as that saves more than it
 * delays; and jobs that were skipped for too long.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #waiting = new WaitingJobs();
  readonly #speeds: SpeedEstimates;
  readonly #ledger: MachineLedger;
  readonly #running = new Map<string, Running>();
  /** Whether the last started job had been skipped for too long. */
  #wasLate = false;

  /** @param declaredMs expected time of a workflow until one was measured */
  constructor(options: SchedulerOptions, declaredMs: (workflow: string) => number) {
    this.#options = options;
    this.#speeds = new SpeedEstimates(declaredMs);
    this.#ledger = new MachineLedger(this.#speeds);
  }

  /** Number of waiting jobs that may start. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Returns the total execution time of the waiting jobs by workflow, ms: on machines of usual speed, with loaded models. */
  waitingMs(): Map<string, number> {
    const all = new Map<string, number>();
    for (const { workflow, count } of this.#waiting.counts) {
      all.set(workflow, (all.get(workflow) ?? 0) + count * this.#speeds.usualMs(workflow));
    }
    return all;
  }

  /** Returns the number of jobs on a machine. */
  jobsOn(machine: string): number {
    return this.#ledger.jobsOn(machine);
  }

  /** Returns when a machine's last job ended, epoch ms; `undefined` while it has jobs, and before its first one. */
  idleSince(machine: string): number | undefined {
    return this.#ledger.idleSince(machine);
  }

  /** The next deadline of a waiting job, epoch ms. */
  get nextDeadline(): number | undefined {
    return this.#waiting.nextDeadline;
  }

  /** Adds a waiting job. Replaces a job with the same id. */
  add(job: WaitingJob): void {
    this.#waiting.add(job);
  }

  /** Sets how many jobs wait in addition to the added ones, by workflow. They count as waiting work, but do not start. */
  setHidden(counts: ReadonlyMap<string, number>): void {
    this.#waiting.hidden = counts;
  }

  /** Removes a waiting job that did not start. */
  remove(id: string): void {
    this.#waiting.remove(id);
  }

  /** Removes and returns a job that can no longer start in time. Call it until it returns `undefined`. */
  takeOverdue(now: number): WaitingJob | undefined {
    const job = this.#waiting.overdue(now);
    if (job) this.#waiting.remove(job.id);
    return job;
  }

  /**
   * Returns the next job and its machine. Changes nothing until `begin` is called.
   * @param machines machines in service, free or not
   * @returns `undefined` if no job can start now
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

  /**
   * Starts a job as decided. Does nothing for a job that is not waiting.
   * @returns the expected time of its execution including loading, ms
   */
  begin({ job: { id, workflow, models }, machine, reason, insteadOf }: Assignment, now: number): number {
    const isLoaded = this.#ledger.loadingOf(models, machine) === 'nothing';
    const runMs = this.#ledger.runTimes(workflow, now)(machine);
    const expectedMs = isLoaded ? runMs : runMs + this.#speeds.loadMs(workflow);
    const client = this.#waiting.begin(id, expectedMs, now);
    if (!client) return expectedMs;
    this.#ledger.give(machine, { id, workflow, expectedMs }, models, now);
    this.#running.set(id, { machine, client, expectedMs });
    this.#wasLate = reason === 'skipped for too long';
    if (insteadOf !== undefined) this.#waiting.markPassedOver(insteadOf, now);
    return expectedMs;
  }

  /**
   * Records that a job is no longer on its machine.
   * @param hasCompleted only completed jobs count for the estimates
   * @param executionMs of the execution alone if measured; otherwise it is counted from the end of the previous job
   * @returns what was learned, if anything
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

  /**
   * Records that a running job continues on another machine, which has its prompt.
   * @returns the time that was expected for it, ms
   */
  move(id: string, machine: string, now: number): number {
    const running = this.#running.get(id);
    const ended = running && this.#ledger.end(running.machine, id, now);
    if (!ended) return 0;
    const { expectedMs } = running;
    const { workflow, loading } = ended.job;
    // It loaded nothing there.
    if (loading !== 'nothing') this.#ledger.doubtLoaded(running.machine);
    this.#ledger.give(machine, { id, workflow, expectedMs }, [], now);
    this.#running.set(id, { ...running, machine });
    return expectedMs;
  }

  /** Learns from another server that gives jobs to the same machine. */
  hear({ machine, loaded, started, ended, execution }: UpdateOfServer, now: number): void {
    if (loaded) this.#ledger.load(machine, loaded, now);
    if (execution) this.#speeds.learn({ ...execution, machine }, now);
    if (started) {
      this.#ledger.giveElsewhere(machine, started.job, started, now);
      this.#waiting.beganElsewhere(started.job, started.client, started.expectedMs, now);
    }
    const job = ended === undefined ? undefined : this.#ledger.endElsewhere(machine, ended, now);
    if (job && execution) this.#waiting.chargeClient(job.client, execution.ms - job.expectedMs);
  }

  /** Returns the models that a machine's last jobs loaded, and the ms of one execution by workflow. */
  knowledgeOf(machine: string): { loaded: readonly string[]; msByWorkflow: ReadonlyMap<string, number> } {
    return { loaded: this.#ledger.loadedOn(machine), msByWorkflow: this.#speeds.measuredOn(machine) };
  }

  /** Forgets a machine that came back after a fault or a restart: it is treated as new, so that it gets jobs. */
  forgetMachine(machine: string): void {
    this.#speeds.forget(machine);
    this.#ledger.forgetLoaded(machine);
  }

  /** Returns why a job waits, and its prospect; `undefined` if it is not waiting. Takes up to some milliseconds. */
  outlook(id: string, machines: readonly MachineView[], now: number): Outlook | undefined {
    const lane = this.#waiting.laneOf(id);
    if (!lane) return undefined;
    const isPossible = machines.some((one) => one.canRun(lane.kind.workflow));
    if (!isPossible) return { ...UNKNOWN, reason: 'no machine can run it', considered: [] };
    const plan = this.#plan(machines, now, MAX_OUTLOOK);
    try {
      const considered = plan.considered(lane.kind, MAX_CONSIDERED);
      for (const turn of turnsOf(plan)) if (turn.id === id) return { ...turn.prospect, considered };
      return { reason: 'waits for its turn', ...UNKNOWN, considered };
    } finally {
      plan.end();
    }
  }

  /** Returns the prospects of all jobs up to a limit, in the order of turns. Takes as long as for a single job. */
  prospects(machines: readonly MachineView[], now: number): ReadonlyMap<string, Prospect> {
    const plan = this.#plan(machines, now, MAX_OUTLOOK);
    try {
      return new Map([...turnsOf(plan)].map(({ id, prospect }) => [id, prospect]));
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
    const batchMs = Math.min(this.#options.maxPassedOverMs, BATCH * loadMs);
    const since = passedSince ?? now;
    return now - since < batchMs || now - this.#ledger.loadedSince(machine) < batchMs;
  }
}
