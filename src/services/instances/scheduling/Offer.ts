import type { Kind } from './Lane.js';
import type { ConsideredMachine, MachineView } from './types.js';

/** A machine with what a plan gave it. */
export interface PlannedMachine {
  readonly view: MachineView;
  readonly isFree: boolean;
  /** Until it is done with what it has, and with what the plan gave it, ms. */
  readyMs: number;
  /** Of the last job that the plan gave it. */
  kind: Kind | undefined;
  /** Jobs that it has. */
  readonly jobs: number;
  /** Epoch ms. */
  readonly lastGiven: number;
}

/** An idle machine is used unless waiting for a busy one saves more than this: estimates are no more exact. */
const WORTH_WAITING = 0.25;
const WORTH_WAITING_MS = 500;

/** Loading is not worth a thought below this part of the execution. */
const NEGLIGIBLE_LOAD = 0.1;

/** What a machine would mean for the next job of a kind, as the plan goes on. */
export class Offer {
  readonly machine: PlannedMachine;
  /** Of the execution, with its models loaded. */
  readonly runMs: number;
  readonly #kind: Kind;
  /** What loading costs here, and what it costs after a job of another kind. */
  readonly #loadMs: number;
  readonly #switchMs: number;

  /** @param ms of execution; of loading its models here, and anywhere */
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

  /** Offers within this many ms count as equal: estimates are not more exact. */
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

/** That with the earliest result, of those that may. */
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

/** Of the offers that count as equal to one: the machine with the fewest jobs, then the one that has been idle longest. */
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
