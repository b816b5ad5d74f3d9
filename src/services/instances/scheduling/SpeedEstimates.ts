import { keepNewest } from '../../../utils/keepNewest.js';

/** A moving average that follows its first values quickly. */
interface Mean {
  value: number;
  count: number;
  at: number;
}

/** Measurements of a workflow on one machine, ms. */
interface Pair {
  /** With its models loaded. */
  warm?: Mean;
  /** After a switch from other models, to models that the machine had loaded before. */
  switched?: Mean;
  /** The first time on the machine. */
  first?: Mean;
}

/** Measurements of a workflow on all machines, ms. */
interface Known {
  readonly machines: Map<string, Pair>;
  /** On a machine of usual speed, with its models loaded. */
  usual: Mean | undefined;
  /** Additional time to load its models. */
  load: Mean | undefined;
  isLoadOfSwitch: boolean;
  /** Any execution that loaded models. */
  cold: Mean | undefined;
}

/** What a machine had to load for an execution. */
export type Loading = 'nothing' | 'switched' | 'first';

export interface Execution {
  readonly workflow: string;
  readonly machine: string;
  readonly ms: number;
  readonly loading: Loading;
}

/** Maximum number of workflows, the most recent ones: clients send their own graphs. */
const MAX_WORKFLOWS = 5000;

/** Weight of the newest value after the first few: a change of a machine's speed is known after three jobs. */
const NEWEST_WEIGHT = 0.4;

/** Executions before a machine is considered slow: the first one may read files that no workflow declares. */
const ENOUGH = 2;

/** Age after which a machine is measured again, because it may have recovered. */
const REMEASURE_MS = 1_800_000;

/** Assumed time of another user's prompt before anything was measured. */
const UNKNOWN_MS = 5000;

/** Assumed share of loading in an execution that loaded models, until both were measured. */
const GUESSED_LOAD = 0.5;

/**
 * Estimates how long a workflow takes on a machine: as measured there; otherwise from its usual time and the usual
 * speed of the machine; otherwise as declared. A new machine is assumed to have the usual speed, so that it gets jobs.
 */
export class SpeedEstimates {
  readonly #declaredMs: (workflow: string) => number;
  readonly #workflows = new Map<string, Known>();
  /** By machine: its execution times relative to the usual ones. */
  readonly #slowness = new Map<string, Mean>();
  /** Average of all executions, on a machine of usual speed. */
  #average: Mean | undefined;

  /** @param declaredMs time that a workflow declares */
  constructor(declaredMs: (workflow: string) => number) {
    this.#declaredMs = declaredMs;
  }

  /** Returns the milliseconds of a workflow by machine, with its models loaded. */
  runTimes(workflow: string): (machine: string) => number {
    const known = this.#workflows.get(workflow);
    const usualMs = this.#usualMs(workflow, known);
    return (machine) => {
      const warm = known?.machines.get(machine)?.warm;
      if (warm && warm.count >= ENOUGH) return warm.value;
      const slowness = this.#slowness.get(machine);
      const expectedMs = usualMs * (slowness && slowness.count >= ENOUGH ? slowness.value : 1);
      return warm ? Math.min(warm.value, expectedMs) : expectedMs;
    };
  }

  /** Returns the milliseconds of a workflow on a machine of usual speed with its models loaded. */
  usualMs(workflow: string): number {
    return this.#usualMs(workflow, this.#workflows.get(workflow));
  }

  /** Returns whether the measurements of a machine are so old that a job should measure it again. */
  isMeasuringDue(machine: string, now: number): boolean {
    const slowness = this.#slowness.get(machine);
    return slowness !== undefined && now - slowness.at > REMEASURE_MS;
  }

  /** Returns the additional milliseconds to load its models. */
  loadMs(workflow: string): number {
    const known = this.#workflows.get(workflow);
    if (known?.load) return known.load.value;
    return GUESSED_LOAD * (known?.cold?.value ?? this.#declaredMs(workflow));
  }

  /** Returns the milliseconds of an unknown execution: the usual time on the machine. */
  averageMs(machine: string): number {
    return (this.#average?.value ?? UNKNOWN_MS) * (this.#slowness.get(machine)?.value ?? 1);
  }

  /** Returns the milliseconds of the workflows that were measured on a machine with their models loaded. */
  measuredOn(machine: string): Map<string, number> {
    const measured = [...this.#workflows].flatMap(([workflow, { machines }]): [string, number][] => {
      const warm = machines.get(machine)?.warm;
      return warm ? [[workflow, warm.value]] : [];
    });
    return new Map(measured);
  }

  /** Forgets the measurements of a machine. */
  forget(machine: string): void {
    this.#slowness.delete(machine);
    for (const { machines } of this.#workflows.values()) machines.delete(machine);
  }

  /** Learns from a completed execution. */
  learn({ workflow, machine, ms, loading }: Execution, now: number): void {
    this.#average = next(this.#average, ms / (this.#slowness.get(machine)?.value ?? 1), now);
    const known = this.#knownOf(workflow);
    const pair = known.machines.get(machine) ?? {};
    known.machines.set(machine, pair);
    if (loading === 'nothing') {
      pair.warm = next(pair.warm, ms, now);
      this.#learnSpeed(known, machine, ms, now);
    } else {
      known.cold = next(known.cold, ms, now);
      pair[loading] = next(pair[loading], ms, now);
    }
    this.#learnLoad(known, pair, now);
  }

  #usualMs(workflow: string, known: Known | undefined): number {
    if (known?.usual) return known.usual.value;
    return known?.cold ? (1 - GUESSED_LOAD) * known.cold.value : this.#declaredMs(workflow);
  }

  #learnSpeed(known: Known, machine: string, ms: number, now: number): void {
    const ratio = known.usual ? ms / known.usual.value : (this.#slowness.get(machine)?.value ?? 1);
    this.#slowness.set(machine, next(this.#slowness.get(machine), ratio, now));
    known.usual = next(known.usual, ms / (this.#slowness.get(machine)?.value ?? 1), now);
  }

  #learnLoad(known: Known, { warm, switched, first }: Pair, now: number): void {
    const cold = switched ?? first;
    if (!warm || !cold) return;
    // The first load reads files. A later switch back may cost much less, or nothing if everything fits into memory.
    if (known.isLoadOfSwitch && !switched) return;
    const before = switched && !known.isLoadOfSwitch ? undefined : known.load;
    known.isLoadOfSwitch = switched !== undefined;
    known.load = next(before, Math.max(0, cold.value - warm.value), now);
  }

  #knownOf(workflow: string): Known {
    const known = this.#workflows.get(workflow) ?? {
      machines: new Map<string, Pair>(),
      usual: undefined,
      load: undefined,
      isLoadOfSwitch: false,
      cold: undefined,
    };
    keepNewest(this.#workflows, workflow, known, MAX_WORKFLOWS);
    return known;
  }
}

function next(before: Mean | undefined, value: number, at: number): Mean {
  if (!before) return { value, count: 1, at };
  const count = before.count + 1;
  const weight = Math.max(NEWEST_WEIGHT, 1 / count);
  return { value: before.value + weight * (value - before.value), count, at };
}
