import type { Loading, SpeedEstimates } from './SpeedEstimates.js';
import type { MachineView } from './types.js';

/** A job on a machine. */
export interface RunningJob {
  readonly id: string;
  readonly workflow: string;
  readonly loading: Loading;
  /** Of its execution, with loading, when it was given to the machine. */
  readonly expectedMs: number;
}

/** What this server gave to one machine. */
interface Account {
  /** In the order in which they were given: ComfyUI executes one prompt after the other. */
  readonly running: RunningJob[];
  /** Since when the first of them is executed, as far as is known. */
  executingSince: number;
  /** Whether other users had prompts there in the meantime. */
  isDisturbed: boolean;
  /** Of the last job. */
  loaded: readonly string[];
  /** Since when jobs that need these models run there. */
  loadedSince: number;
  /** Of all jobs that ran there. */
  readonly seen: Set<string>;
  lastGiven: number;
  /** When its last job ended. */
  idleSince: number | undefined;
}

/** Of what is left of a job that takes longer than expected: it may be anything, and it is not nothing. */
const OVERRUN = 0.2;

/** Keeps what runs on each machine, and what its last jobs have loaded there. */
export class MachineLedger {
  readonly #speeds: SpeedEstimates;
  readonly #accounts = new Map<string, Account>();

  constructor(speeds: SpeedEstimates) {
    this.#speeds = speeds;
  }

  jobsOn(machine: string): number {
    return this.#accounts.get(machine)?.running.length ?? 0;
  }

  /** When it was given a job last, epoch ms; 0 for never. */
  lastGiven(machine: string): number {
    return this.#accounts.get(machine)?.lastGiven ?? 0;
  }

  /** When its last job ended, epoch ms; undefined while it has jobs, and before its first one. */
  idleSince(machine: string): number | undefined {
    return this.jobsOn(machine) > 0 ? undefined : this.#accounts.get(machine)?.idleSince;
  }

  /** Since when jobs of its present models run there, epoch ms. */
  loadedSince(machine: string): number {
    return this.#accounts.get(machine)?.loadedSince ?? 0;
  }

  /** Model files of its last jobs. */
  loadedOn(machine: string): readonly string[] {
    return this.#accounts.get(machine)?.loaded ?? [];
  }

  /** What a machine had to load for models, after what it was given so far. */
  loadingOf(models: readonly string[], machine: string): Loading {
    if (models.length === 0) return 'nothing';
    const account = this.#accounts.get(machine);
    if (!account) return 'first';
    if (models === account.loaded || models.every((model) => account.loaded.includes(model)))
      return 'nothing';
    return models.every((model) => account.seen.has(model)) ? 'switched' : 'first';
  }

  /**
   * Milliseconds of one execution with its models loaded, by machine. Where one runs that has taken longer for now, it is
   * that.
   */
  runTimes(workflow: string, now: number): (machine: string) => number {
    const estimate = this.#speeds.runTimes(workflow);
    return (machine) => {
      const account = this.#accounts.get(machine);
      const first = account?.running[0];
      if (!account || first?.workflow !== workflow) return estimate(machine);
      if (account.isDisturbed || first.loading !== 'nothing') return estimate(machine);
      return Math.max(estimate(machine), now - account.executingSince);
    };
  }

  /** Milliseconds until a machine is done with everything in its queue. */
  waitMs({ id, others }: MachineView, now: number): number {
    let ms = others === 0 ? 0 : others * this.#speeds.averageMs(id);
    const account = this.#accounts.get(id);
    const first = account?.running[0];
    if (!account || !first) return ms;
    for (const job of account.running) ms += this.#expectedMs(job, id);
    if (account.isDisturbed) return ms;
    const elapsed = now - account.executingSince;
    return ms + Math.max(-elapsed, OVERRUN * elapsed - this.#expectedMs(first, id));
  }

  /** What was measured since a job was given to its machine counts for it, too. */
  #expectedMs({ workflow, loading, expectedMs }: RunningJob, machine: string): number {
    return loading === 'nothing' ? this.#speeds.runTimes(workflow)(machine) : expectedMs;
  }

  /** Other users have prompts there, so that times say nothing about our jobs until the one that runs has ended. */
  disturb(machine: string): void {
    const account = this.#accounts.get(machine);
    if (account) account.isDisturbed = true;
  }

  /** A machine is given a job. */
  give(machine: string, job: Omit<RunningJob, 'loading'>, models: readonly string[], now: number): void {
    const loading = this.loadingOf(models, machine);
    const account = this.#accountOf(machine);
    if (account.running.length === 0) account.executingSince = now;
    account.running.push({ ...job, loading });
    account.lastGiven = now;
    if (loading !== 'nothing') this.load(machine, models, now);
  }

  /** A machine was given a job that needs these models. @param models none where it is not known what it has loaded */
  load(machine: string, models: readonly string[], now: number): void {
    if (models.length === 0) this.doubtLoaded(machine);
    if (this.loadingOf(models, machine) === 'nothing') return;
    const account = this.#accountOf(machine);
    account.loaded = models;
    account.loadedSince = now;
    for (const model of models) account.seen.add(model);
  }

  /** A job that should have loaded models failed, or never came so far. */
  doubtLoaded(machine: string): void {
    const account = this.#accounts.get(machine);
    if (account) account.loaded = [];
  }

  /** A machine may have been restarted: nothing is known of what it has loaded. */
  forgetLoaded(machine: string): void {
    this.doubtLoaded(machine);
    this.#accounts.get(machine)?.seen.clear();
  }

  /**
   * A job is no longer on a machine.
   * @param executionMs where it was measured
   * @returns what it took; undefined where that is not known
   */
  end(
    machine: string,
    id: string,
    now: number,
    executionMs?: number,
  ): { job: RunningJob; ms: number | undefined } | undefined {
    const account = this.#accounts.get(machine);
    const at = account?.running.findIndex((job) => job.id === id) ?? -1;
    const job = account?.running[at];
    if (!account || !job) return undefined;
    account.running.splice(at, 1);
    account.idleSince = now;
    const isKnown = at === 0 && !account.isDisturbed;
    const ms = executionMs ?? (isKnown ? now - account.executingSince : undefined);
    if (at === 0) {
      account.executingSince = now;
      account.isDisturbed = false;
    }
    return { job, ms };
  }

  #accountOf(machine: string): Account {
    const account = this.#accounts.get(machine) ?? {
      running: [],
      executingSince: 0,
      isDisturbed: false,
      loaded: [],
      loadedSince: 0,
      seen: new Set<string>(),
      lastGiven: 0,
      idleSince: undefined,
    };
    this.#accounts.set(machine, account);
    return account;
  }
}
