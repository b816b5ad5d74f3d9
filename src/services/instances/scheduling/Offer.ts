import type { Kind } from './Lane.js';
import type { ConsideredMachine, MachineView } from './types.js';

/** A machine with the jobs that a plan placed there. */
export interface PlannedMachine {
  readonly view: MachineView;
  readonly isFree: boolean;
  /** Until it has executed its jobs and those of the plan, ms. */
  readyMs: number;
  /** Kind of the last job that the plan placed there. */
  kind: Kind | undefined;
  /** Number of its jobs. */
  readonly jobs: number;
  /** Epoch ms. */
  readonly lastGiven: number;
}

/** An idle machine is used unless waiting for a busy one saves more than this, because estimates are not more exact. */
const WORTH_WAITING = 0.25;
const WORTH_WAITING_MS = 500;

/** Loading is ignored below this share of the execution. */
const NEGLIGIBLE_LOAD = 0.1;

/** Estimates for the next job of a kind on a machine, updated as the plan proceeds. */
export class Offer {
  readonly machine: PlannedMachine;
  /** Execution time with loaded models. */
  readonly runMs: number;
  readonly #kind: Kind;
  /** Loading time here now, and after a job of another kind. */
  readonly #loadMs: number;
  readonly #switchMs: number;

  /** @param ms of the execution, of loading its models here, and of loading after a job of another kind */
  constructor(machine: PlannedMachine, kind: Kind, ms: { run: number; load: number; switch: number }) {
    this.machine = machine;
    this.runMs = ms.run;
    this.#kind = kind;
    this.#loadMs = ms.load;
    this.#switchMs = ms.switch;
  }

  get loadMs(): number {
    const { kind } = this.machine;
    if (kind === undefined) return this.#loadMs;
    return kind === this.#kind ? 0 : this.#switchMs;
  }

  /** From now until the result. */
  get expectedMs(): number {
    return this.machine.readyMs + this.loadMs + this.runMs;
  }

  /** Whether loading matters. */
  get isCostly(): boolean {
    return this.loadMs > NEGLIGIBLE_LOAD * this.runMs;
  }

  /** Offers within this many ms count as equal, because estimates are not more exact. */
  get toleranceMs(): number {
    return Math.max(WORTH_WAITING_MS, WORTH_WAITING * this.runMs);
  }

  describe(): ConsideredMachine {
    return {
      machine: this.machine.view.id,
      isFree: this.machine.isFree,
      expectedMs: Math.round(this.expectedMs),
      waitMs: Math.round(this.machine.readyMs),
      loadMs: Math.round(this.loadMs),
    };
  }
}

/** Returns the offer with the earliest result among those that `may` allows. */
export function earliestOf(
  offers: readonly Offer[],
  may: (offer: Offer) => boolean = () => true,
): Offer | undefined {
  let best: Offer | undefined;
  let bestMs = Number.POSITIVE_INFINITY;
  for (const offer of offers) {
    const { expectedMs } = offer;
    if (expectedMs >= bestMs || !may(offer)) continue;
    best = offer;
    bestMs = expectedMs;
  }
  return best;
}

/**
 * Returns, among the offers that count as equal to `one`, the machine with the fewest jobs, then the one that is idle
 * longest.
 */
export function leastLoadedOf(
  offers: readonly Offer[],
  one: Offer,
  may: (offer: Offer) => boolean = () => true,
): Offer {
  const limit = one.expectedMs + one.toleranceMs;
  let best = one;
  for (const offer of offers) {
    if (offer.expectedMs > limit || !may(offer)) continue;
    const { jobs, lastGiven } = offer.machine;
    const fewer = jobs - best.machine.jobs;
    if (fewer < 0 || (fewer === 0 && lastGiven < best.machine.lastGiven)) best = offer;
  }
  return best;
}
