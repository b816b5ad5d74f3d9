import { IndexedHeap } from '../../../utils/IndexedHeap.js';
import { type Client, isOutdated, type Kind, type Lane, takeTurn } from './Lane.js';
import type { MachineLedger } from './MachineLedger.js';
import type { SpeedEstimates } from './SpeedEstimates.js';
import type { ConsideredMachine, MachineView, WaitingJob } from './types.js';
import type { WaitingJobs } from './WaitingJobs.js';

/** What a machine would mean for a job of a kind. */
export interface Offer {
  readonly machine: PlannedMachine;
  readonly isFree: boolean;
  waitMs: number;
  readonly runMs: number;
  loadMs: number;
  /** From now until the result. */
  expectedMs: number;
}

/** A machine with what a plan gave it. */
interface PlannedMachine {
  readonly view: MachineView;
  /** Until it is done with what it has, and with what the plan gave it, ms. */
  readyMs: number;
  /** Of the last job that the plan gave it. */
  kind: Kind | undefined;
  readonly jobs: number;
  readonly lastGiven: number;
}

/** The machines for a kind. */
interface Offers {
  /** Earliest result first, as it was when the offer was last looked at: results only become later within a plan. */
  readonly all: IndexedHeap<Offer>;
  /** The free ones, earliest result first. */
  readonly free: readonly Offer[];
  /** Jobs that the plan placed. */
  placed: number;
}

interface Parts {
  readonly waiting: WaitingJobs;
  readonly speeds: SpeedEstimates;
  readonly ledger: MachineLedger;
}

/** Jobs of a kind that no free machine can run are placed up to here: they only matter to others that want their machines. */
const MAX_OF_BUSY_KIND = 64;

/** An idle machine is used unless waiting for a busy one saves more than this: estimates are no more exact. */
const WORTH_WAITING = 0.25;
const WORTH_WAITING_MS = 200;

/** Loading is not worth a thought below this part of the execution. */
const NEGLIGIBLE_LOAD = 0.1;

/** What would happen to the waiting jobs from now on: each, in turn, goes where its result is earliest. */
export class Plan {
  readonly #parts: Parts;
  readonly #now: number;
  readonly #machines: PlannedMachine[];
  readonly #offers = new Map<Kind, Offers>();
  /** What must be put right at the end. */
  readonly #clients = new Set<Client>();
  readonly #lanes = new Set<Lane>();
  readonly #skipped = new Set<Kind>();

  constructor(parts: Parts, machines: readonly MachineView[], now: number) {
    this.#parts = parts;
    this.#now = now;
    this.#machines = machines.map((view) => ({
      view,
      readyMs: parts.ledger.waitMs(view, now),
      kind: undefined,
      jobs: parts.ledger.jobsOn(view.id),
      lastGiven: parts.ledger.lastGiven(view.id),
    }));
  }

  /** Whether some free machine could run some waiting job. */
  get hasUse(): boolean {
    const free = this.#machines.filter(({ view }) => view.freeSlots > 0);
    for (const { workflow } of this.#parts.waiting.kinds) {
      if (free.some(({ view }) => view.canRun(workflow))) return true;
    }
    return false;
  }

  /** The lane whose first job is next. */
  nextLane(): Lane | undefined {
    let best: Lane | undefined;
    for (const kind of this.#parts.waiting.kinds) {
      const lane = this.#skipped.has(kind) ? undefined : this.#firstTurn(kind);
      if (lane?.head && (!best || kind.turns.isBefore(lane, best))) best = lane;
    }
    return best;
  }

  /** No more jobs of a kind are placed. */
  skip(kind: Kind): void {
    this.#skipped.add(kind);
  }

  /**
   * The machine with the earliest result, or a free one that is hardly later. An idle one that was not measured for long is
   * used also where another, that is busy, gives an earlier result.
   */
  bestOffer(kind: Kind, job: WaitingJob): Offer | undefined {
    const { free } = this.#of(kind);
    const best = this.#earliest(kind, job);
    if (!best) return undefined;
    // What is free stays as it is until the plan uses it.
    const idle = free.find(({ machine }) => this.#mayRun(machine, kind, job));
    if (!idle) return best;
    const limit = best.expectedMs + worthWaiting(best);
    if (idle.expectedMs <= limit) return leastLoaded(free, idle, (one) => this.#mayRun(one, kind, job));
    const { speeds } = this.#parts;
    const due = free.find(
      ({ machine }) =>
        machine.jobs === 0 &&
        speeds.isMeasuringDue(machine.view.id, this.#now) &&
        this.#mayRun(machine, kind, job),
    );
    return due ?? best;
  }

  /** A free machine that ends a job before the busy ones are through with all that waits. */
  neededOffer(kind: Kind, job: WaitingJob): Offer | undefined {
    const { all, free } = this.#of(kind);
    const idle = free.find(({ machine }) => this.#mayRun(machine, kind, job));
    if (!idle) return undefined;
    let possible = 0;
    for (const offer of all.items) {
      if (offer.isFree) continue;
      const ms = idle.expectedMs - offer.machine.readyMs - offer.loadMs;
      possible += Math.max(0, Math.floor(ms / offer.runMs));
    }
    return this.#jobsLike(kind) > possible ? idle : undefined;
  }

  /** Whether any machine runs jobs of a kind. */
  canRun(kind: Kind): boolean {
    return this.#of(kind).all.size > 0;
  }

  /** Whether a free machine runs jobs of a kind. */
  hasFree(kind: Kind): boolean {
    return this.#of(kind).free.length > 0;
  }

  /**
   * The next job of at least that priority that a free machine can run without loading models.
   * @param savedMs its result may be so much later than elsewhere
   */
  loadedAlternative(machine: string, priority: number, savedMs: number): Lane | undefined {
    let best: Lane | undefined;
    for (const kind of this.#parts.waiting.kinds) {
      const lane = this.#firstTurn(kind);
      const job = lane?.head?.job;
      const offer = this.#of(kind).free.find((one) => one.machine.view.id === machine);
      if (!lane || !job || !offer || lane.priority < priority) continue;
      if (isCostly(offer) || !this.#mayRun(offer.machine, kind, job)) continue;
      const earliest = this.#earliest(kind, job)?.expectedMs ?? Number.POSITIVE_INFINITY;
      if (offer.expectedMs > earliest + savedMs) continue;
      if (!best || kind.turns.isBefore(lane, best)) best = lane;
    }
    return best;
  }

  /** The first job of a lane is placed there, and the lane's next one has its turn when it has. */
  place(lane: Lane, offer: Offer): void {
    const { kind, client } = lane;
    offer.machine.readyMs = offer.expectedMs;
    offer.machine.kind = kind;
    client.planned += offer.runMs;
    this.#clients.add(client);
    this.#advance(lane);
    const offers = this.#of(kind);
    offers.placed += 1;
    if (offers.free.length === 0 && offers.placed >= MAX_OF_BUSY_KIND) this.skip(kind);
  }

  /** The first job of a lane cannot run anywhere: the next one of its lane may, if any machine runs such jobs at all. */
  passBy(lane: Lane): void {
    if (!this.canRun(lane.kind)) {
      this.skip(lane.kind);
      return;
    }
    this.#advance(lane);
  }

  /** Everything waits again as before. */
  end(): void {
    for (const client of this.#clients) client.planned = 0;
    for (const lane of this.#lanes) {
      lane.rewind();
      takeTurn(lane);
    }
  }

  /** The machines for a job of a kind as the plan has them, earliest result first. */
  considered(kind: Kind, most: number): ConsideredMachine[] {
    const best: Offer[] = [];
    for (const offer of this.#of(kind).all.items) {
      const last = best[most - 1];
      if (last && last.expectedMs <= offer.expectedMs) continue;
      const at = best.findIndex((one) => one.expectedMs > offer.expectedMs);
      best.splice(at < 0 ? best.length : at, 0, offer);
      best.length = Math.min(best.length, most);
    }
    return best.map(({ machine, isFree, expectedMs, waitMs, loadMs }) => ({
      machine: machine.view.id,
      isFree,
      expectedMs: Math.round(expectedMs),
      waitMs: Math.round(waitMs),
      loadMs: Math.round(loadMs),
    }));
  }

  /** Work that waits, as a number of jobs of a kind. */
  #jobsLike(kind: Kind): number {
    const { speeds, waiting } = this.#parts;
    const ms = speeds.usualMs(kind.workflow);
    let jobs = 0;
    for (const { workflow, count } of waiting.kinds) jobs += (count * speeds.usualMs(workflow)) / ms;
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

  #of(kind: Kind): Offers {
    const known = this.#offers.get(kind);
    if (known) return known;
    const all = new IndexedHeap<Offer>((one, other) => one.expectedMs < other.expectedMs);
    const free: Offer[] = [];
    for (const machine of this.#machines) {
      const offer = this.#offer(machine, kind);
      if (!offer) continue;
      all.place(offer);
      if (offer.isFree) free.push(offer);
    }
    free.sort((one, other) => one.expectedMs - other.expectedMs);
    const offers = { all, free, placed: 0 };
    this.#offers.set(kind, offers);
    return offers;
  }

  #offer(machine: PlannedMachine, { workflow, models }: Kind): Offer | undefined {
    const { view, readyMs } = machine;
    if (!view.canRun(workflow)) return undefined;
    const { speeds, ledger } = this.#parts;
    const isLoaded = ledger.loadingOf(models, view.id) === 'nothing';
    const loadMs = isLoaded ? 0 : speeds.loadMs(workflow);
    const runMs = ledger.runMs(workflow, view.id, this.#now);
    const expectedMs = readyMs + loadMs + runMs;
    return { machine, isFree: view.freeSlots > 0, waitMs: readyMs, runMs, loadMs, expectedMs };
  }

  #earliest(kind: Kind, job: WaitingJob): Offer | undefined {
    const { all } = this.#of(kind);
    const unfit: Offer[] = [];
    let best: Offer | undefined;
    while (!best) {
      const offer = all.first;
      if (!offer) break;
      if (offer.machine.readyMs > offer.waitMs) {
        this.#postpone(offer, kind);
        all.place(offer);
      } else if (this.#mayRun(offer.machine, kind, job)) best = offer;
      else {
        all.remove(offer);
        unfit.push(offer);
      }
    }
    for (const offer of unfit) all.place(offer);
    return best;
  }

  /** To when the machine is done with what the plan gave it. */
  #postpone(offer: Offer, kind: Kind): void {
    const { readyMs, kind: last } = offer.machine;
    const isLoaded = last === kind || kind.models.length === 0;
    offer.waitMs = readyMs;
    offer.loadMs = isLoaded ? 0 : this.#parts.speeds.loadMs(kind.workflow);
    offer.expectedMs = readyMs + offer.loadMs + offer.runMs;
  }

  #mayRun({ view }: PlannedMachine, kind: Kind, { largest, avoid }: WaitingJob): boolean {
    if (!view.accepts(largest)) return false;
    if (!avoid.has(view.id)) return true;
    return !this.#machines.some(
      (other) => !avoid.has(other.view.id) && other.view.canRun(kind.workflow) && other.view.accepts(largest),
    );
  }
}

/** Whether loading matters. */
export const isCostly = ({ loadMs, runMs }: Offer): boolean => loadMs > NEGLIGIBLE_LOAD * runMs;

const worthWaiting = ({ runMs }: Offer): number => Math.max(WORTH_WAITING_MS, WORTH_WAITING * runMs);

/** Of the free machines that are as good as the first one: that with the fewest jobs, then whose last job is longest ago. */
function leastLoaded(
  free: readonly Offer[],
  first: Offer,
  mayRun: (machine: PlannedMachine) => boolean,
): Offer {
  const limit = first.expectedMs + worthWaiting(first);
  let best = first;
  for (const offer of free) {
    if (offer.expectedMs > limit) break;
    const { jobs, lastGiven } = offer.machine;
    const [a, b] = [jobs - best.machine.jobs, lastGiven - best.machine.lastGiven];
    if ((a < 0 || (a === 0 && b < 0)) && mayRun(offer.machine)) best = offer;
  }
  return best;
}
