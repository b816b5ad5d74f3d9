import { type Client, isOutdated, type Kind, type Lane, takeTurn } from './Lane.js';
import type { MachineLedger } from './MachineLedger.js';
import { earliestOf, leastLoadedOf, Offer, type PlannedMachine } from './Offer.js';
import type { SpeedEstimates } from './SpeedEstimates.js';
import type { ConsideredMachine, MachineView, WaitingJob } from './types.js';
import type { WaitingJobs } from './WaitingJobs.js';

/** Offers of the machines for a kind. */
interface Offers {
  readonly all: readonly Offer[];
  readonly free: readonly Offer[];
  /** Number of jobs that the plan placed. */
  placed: number;
}

/** What is known about the waiting jobs and the machines. */
export interface PlanParts {
  readonly waiting: WaitingJobs;
  readonly speeds: SpeedEstimates;
  readonly ledger: MachineLedger;
}

/** In a decision, jobs of a kind that no free machine can run matter only because they compete for machines with other jobs. */
const MAX_OF_BUSY_KIND = 16;

/** Simulates what happens to the waiting jobs from now on: each, in turn, is placed where its result is earliest. */
export class Plan {
  readonly #parts: PlanParts;
  readonly #now: number;
  readonly #maxOfBusyKind: number;
  readonly #machines: readonly PlannedMachine[];
  readonly #offers = new Map<Kind, Offers>();
  /** Changed state that `end` resets. */
  readonly #clients = new Set<Client>();
  readonly #lanes = new Set<Lane>();
  readonly #skipped = new Set<Kind>();

  /** @param maxOfBusyKind maximum number of placed jobs of a kind that no free machine can run */
  constructor(
    parts: PlanParts,
    machines: readonly MachineView[],
    now: number,
    maxOfBusyKind = MAX_OF_BUSY_KIND,
  ) {
    this.#parts = parts;
    this.#now = now;
    this.#maxOfBusyKind = maxOfBusyKind;
    const all = machines.map((view) => ({
      view,
      isFree: view.freeSlots > 0,
      readyMs: parts.ledger.waitMs(view, now),
      kind: undefined,
      jobs: parts.ledger.jobsOn(view.id) + view.ofServers,
      lastGiven: parts.ledger.lastGiven(view.id),
    }));
    // A machine without jobs and without free slots is ignored: it is unknown when it accepts jobs again.
    this.#machines = all.filter(({ isFree, jobs, view }) => isFree || jobs > 0 || view.others > 0);
  }

  /** Whether any free machine can run any waiting job. */
  get hasUse(): boolean {
    const free = this.#machines.filter(({ isFree }) => isFree);
    for (const { workflow } of this.#parts.waiting.kinds) {
      if (free.some(({ view }) => view.canRun(workflow))) return true;
    }
    return false;
  }

  /** Returns whether any machine can run jobs of a kind. */
  canRun(kind: Kind): boolean {
    return this.#of(kind).all.length > 0;
  }

  /** Returns whether a free machine can run jobs of a kind. */
  hasFree(kind: Kind): boolean {
    return this.#of(kind).free.length > 0;
  }

  /** Returns the lane whose first job is next. */
  nextLane(): Lane | undefined {
    let best: Lane | undefined;
    for (const kind of this.#parts.waiting.kinds) {
      const lane = this.#skipped.has(kind) ? undefined : this.#firstTurn(kind);
      if (lane?.head && (!best || kind.turns.isBefore(lane, best))) best = lane;
    }
    return best;
  }

  /** Places no more jobs of a kind. */
  skip(kind: Kind): void {
    this.#skipped.add(kind);
  }

  /**
   * Returns the machine with the earliest result, or a free machine that is hardly later. An idle machine without
   * recent measurements is used even if a busy one gives an earlier result.
   */
  bestOffer(kind: Kind, job: WaitingJob): Offer | undefined {
    const { all, free } = this.#of(kind);
    const may = this.#mayRun(kind, job);
    const best = earliestOf(all, may);
    const idle = best && earliestOf(free, may);
    if (!idle) return best;
    if (idle.expectedMs <= best.expectedMs + best.toleranceMs) return leastLoadedOf(free, idle, may);
    const { speeds } = this.#parts;
    const isDue = ({ machine }: Offer) =>
      machine.jobs === 0 && speeds.isMeasuringDue(machine.view.id, this.#now);
    return free.find((offer) => isDue(offer) && may(offer)) ?? best;
  }

  /** Returns a free machine that ends a job before the busy machines have executed all waiting jobs. */
  neededOffer(kind: Kind, job: WaitingJob): Offer | undefined {
    const { all, free } = this.#of(kind);
    const idle = earliestOf(free, this.#mayRun(kind, job));
    if (!idle) return undefined;
    let possible = 0;
    for (const { machine, loadMs, runMs } of all) {
      if (machine.isFree) continue;
      possible += Math.max(0, Math.floor((idle.expectedMs - machine.readyMs - loadMs) / runMs));
    }
    return this.#jobsLike(kind) > possible ? idle : undefined;
  }

  /**
   * Returns the lane of the next job with at least `priority` that the free machine can run without loading models.
   * @param savedMs maximum delay of its result compared with other machines
   */
  loadedAlternative(machine: string, priority: number, savedMs: number): Lane | undefined {
    let best: Lane | undefined;
    for (const kind of this.#parts.waiting.kinds) {
      const lane = this.#firstTurn(kind);
      const job = lane?.head?.job;
      if (!lane || !job || lane.priority < priority) continue;
      if (best && !kind.turns.isBefore(lane, best)) continue;
      const { all, free } = this.#of(kind);
      const may = this.#mayRun(kind, job);
      const offer = free.find((one) => one.machine.view.id === machine);
      if (!offer || offer.isCostly || !may(offer)) continue;
      const earliestMs = earliestOf(all, may)?.expectedMs ?? Number.POSITIVE_INFINITY;
      if (offer.expectedMs <= earliestMs + savedMs) best = lane;
    }
    return best;
  }

  /** Places the first job of a lane on a machine. The lane's next job then waits for its turn. */
  place(lane: Lane, offer: Offer): void {
    const { kind, client } = lane;
    offer.machine.readyMs = offer.expectedMs;
    offer.machine.kind = kind;
    client.planned += offer.runMs;
    this.#clients.add(client);
    this.#advance(lane);
    const offers = this.#of(kind);
    offers.placed += 1;
    if (offers.free.length === 0 && offers.placed >= this.#maxOfBusyKind) this.skip(kind);
  }

  /** Skips the first job of a lane because it cannot run anywhere. The next one may, if any machine runs such jobs at all. */
  passBy(lane: Lane): void {
    if (this.canRun(lane.kind)) this.#advance(lane);
    else this.skip(lane.kind);
  }

  /** Ends the plan and resets all changes to the waiting jobs. */
  end(): void {
    for (const client of this.#clients) client.planned = 0;
    for (const lane of this.#lanes) {
      lane.rewind();
      takeTurn(lane);
    }
  }

  /** Returns the machines for a job of a kind in this plan, earliest result first. */
  considered(kind: Kind, most: number): ConsideredMachine[] {
    return this.#of(kind)
      .all.map((offer) => ({ offer, ms: offer.expectedMs }))
      .sort((one, other) => one.ms - other.ms)
      .slice(0, most)
      .map(({ offer }) => offer.describe());
  }

  #of(kind: Kind): Offers {
    const known = this.#offers.get(kind);
    if (known) return known;
    const { speeds, ledger } = this.#parts;
    const loadMs = kind.models.length === 0 ? 0 : speeds.loadMs(kind.workflow);
    const runMs = ledger.runTimes(kind.workflow, this.#now);
    const all: Offer[] = [];
    for (const machine of this.#machines) {
      const { id } = machine.view;
      if (!machine.view.canRun(kind.workflow)) continue;
      const isLoaded = ledger.loadingOf(kind.models, id) === 'nothing';
      all.push(new Offer(machine, kind, { run: runMs(id), load: isLoaded ? 0 : loadMs, switch: loadMs }));
    }
    const offers = { all, free: all.filter(({ machine }) => machine.isFree), placed: 0 };
    this.#offers.set(kind, offers);
    return offers;
  }

  /** Returns the waiting work, as a number of jobs of a kind. */
  #jobsLike(kind: Kind): number {
    const { speeds, waiting } = this.#parts;
    const ms = speeds.usualMs(kind.workflow);
    let jobs = 0;
    for (const { workflow, count } of waiting.counts) jobs += (count * speeds.usualMs(workflow)) / ms;
    return jobs;
  }

  #firstTurn(kind: Kind): Lane | undefined {
    for (;;) {
      const lane = kind.turns.first;
      if (!lane || !isOutdated(lane)) return lane;
      this.#lanes.add(lane);
      takeTurn(lane);
    }
  }

  #advance(lane: Lane): void {
    this.#lanes.add(lane);
    lane.advance();
    takeTurn(lane);
  }

  #mayRun(kind: Kind, { largest, avoid }: WaitingJob): (offer: Offer) => boolean {
    if (avoid.size === 0) return ({ machine }) => machine.view.accepts(largest);
    const isLast = !this.#of(kind).all.some(
      ({ machine: { view } }) => !avoid.has(view.id) && view.accepts(largest),
    );
    return ({ machine: { view } }) => (isLast || !avoid.has(view.id)) && view.accepts(largest);
  }
}
