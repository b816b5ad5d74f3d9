import { type JobElsewhere, JobsElsewhere } from './JobsElsewhere.js';
import { restMs } from './restMs.js';
import type { Loading, SpeedEstimates } from './SpeedEstimates.js';
import type { MachineView } from './types.js';

/** A job on a machine. */
export interface RunningJob {
  readonly id: string;
  readonly workflow: string;
  readonly loading: Loading;
  /** Execution time including loading, estimated when the machine got the job. */
  readonly expectedMs: number;
}

/** Jobs of this server on one machine, and what they loaded there. */
interface Account {
  /** In the order of submission: ComfyUI executes one prompt after the other. */
  readonly running: RunningJob[];
  /** Since when the first of them is executing, as far as known. */
  executingSince: number;
  /** Whether other users had prompts there in the meantime. */
  isDisturbed: boolean;
  /** Models of the last job. */
  loaded: readonly string[];
  /** Since when jobs with these models run there. */
  loadedSince: number;
  /** Models of all jobs that ran there. */
  readonly seen: Set<string>;
  lastGiven: number;
  /** End of its last job, also of another server. */
  idleSince: number | undefined;
}

/** Tracks the running jobs of each machine, and the models that its last jobs loaded. */
export class MachineLedger {
  readonly #speeds: SpeedEstimates;
  readonly #accounts = new Map<string, Account>();
  readonly #elsewhere = new JobsElsewhere();

  constructor(speeds: SpeedEstimates) {
    this.#speeds = speeds;
  }

  jobsOn(machine: string): number {
    return this.#accounts.get(machine)?.running.length ?? 0;
  }

  /** Returns when it last got a job, epoch ms; 0 for never. */
  lastGiven(machine: string): number {
    return this.#accounts.get(machine)?.lastGiven ?? 0;
  }

  /** Returns when its last job ended, on any server, epoch ms; `undefined` while it has jobs, and before its first one. */
  idleSince(machine: string): number | undefined {
    return this.jobsOn(machine) > 0 ? undefined : this.#accounts.get(machine)?.idleSince;
  }

  /** Returns since when jobs with its current models run there, epoch ms. */
  loadedSince(machine: string): number {
    return this.#accounts.get(machine)?.loadedSince ?? 0;
  }

  /** Returns the model files of its last jobs. */
  loadedOn(machine: string): readonly string[] {
    return this.#accounts.get(machine)?.loaded ?? [];
  }

  /** Returns what a machine would have to load for `models` after its jobs so far. */
  loadingOf(models: readonly string[], machine: string): Loading {
    if (models.length === 0) return 'nothing';
    const account = this.#accounts.get(machine);
    if (!account) return 'first';
    if (models === account.loaded || models.every((model) => account.loaded.includes(model)))
      return 'nothing';
    return models.every((model) => account.seen.has(model)) ? 'switched' : 'first';
  }

  /**
   * Returns the milliseconds of one execution with loaded models, by machine. If the running execution already took
   * longer, returns its time so far.
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

  /** Returns the milliseconds until a machine has executed everything in its queue. */
  waitMs(view: MachineView, now: number): number {
    const { id } = view;
    let ms = view.others === 0 ? 0 : this.#othersMs(view, now);
    const account = this.#accounts.get(id);
    const first = account?.running[0];
    if (!account || !first) return ms;
    for (const job of account.running) ms += this.#expectedMs(job, id);
    if (account.isDisturbed) return ms;
    const expectedMs = this.#expectedMs(first, id);
    return ms - expectedMs + restMs(expectedMs, now - account.executingSince);
  }

  #othersMs({ id, others, ofServers }: MachineView, now: number): number {
    const usualMs = this.#speeds.averageMs(id);
    return (others - ofServers) * usualMs + this.#elsewhere.waitMs(id, ofServers, usualMs, now);
  }

  /** Measurements since the machine got a job count for that job too. */
  #expectedMs({ workflow, loading, expectedMs }: RunningJob, machine: string): number {
    return loading === 'nothing' ? this.#speeds.runTimes(workflow)(machine) : expectedMs;
  }

  /** Marks that other users have prompts there: until the running job has ended, times say nothing about it. */
  disturb(machine: string): void {
    const account = this.#accounts.get(machine);
    if (account) account.isDisturbed = true;
  }

  /** Records that a machine gets a job. */
  give(machine: string, job: Omit<RunningJob, 'loading'>, models: readonly string[], now: number): void {
    const loading = this.loadingOf(models, machine);
    const account = this.#accountOf(machine);
    if (account.running.length === 0) account.executingSince = now;
    account.running.push({ ...job, loading });
    account.lastGiven = now;
    if (loading !== 'nothing') this.load(machine, models, now);
  }

  /** Records that a machine gets a job from another server. */
  giveElsewhere(machine: string, id: string, job: JobElsewhere, now: number): void {
    this.#elsewhere.start(machine, id, job, now);
    this.#accountOf(machine).lastGiven = now;
  }

  /** Records that another server's job is no longer on a machine. @returns the job, if it was known */
  endElsewhere(machine: string, id: string, now: number): JobElsewhere | undefined {
    this.#accountOf(machine).idleSince = now;
    return this.#elsewhere.end(machine, id, now);
  }

  /** Records that a machine got a job with these models. @param models empty if its loaded models are unknown */
  load(machine: string, models: readonly string[], now: number): void {
    if (models.length === 0) this.doubtLoaded(machine);
    if (this.loadingOf(models, machine) === 'nothing') return;
    const account = this.#accountOf(machine);
    account.loaded = models;
    account.loadedSince = now;
    for (const model of models) account.seen.add(model);
  }

  /** Forgets the loaded models, because a job that should have loaded them failed or did not get that far. */
  doubtLoaded(machine: string): void {
    const account = this.#accounts.get(machine);
    if (account) account.loaded = [];
  }

  /** Forgets everything about loaded models, because the machine may have been restarted. */
  forgetLoaded(machine: string): void {
    this.doubtLoaded(machine);
    this.#accounts.get(machine)?.seen.clear();
  }

  /**
   * Records that a job is no longer on a machine.
   * @param executionMs if it was measured
   * @returns the job and its time; `undefined` instead of a time that is not known
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
