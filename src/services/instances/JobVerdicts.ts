import type { Instance } from './Instance.js';

/** Maximum number of failed jobs per streak; a machine may fail for days without completing a job. */
const MAX_REMEMBERED = 1000;

/** Consecutive failed jobs on one instance since its last completed job. */
interface Streak {
  /** By the key of the job, whether only the machine can have caused the failure. */
  readonly failures: Map<string, boolean>;
  /** Value of the event counter at the start of the streak. */
  readonly since: number;
}

/**
 * Judges instances by the results of their jobs. A failed node can be the fault of the image or of the machine. It is
 * the machine's when job after job fails there while other machines complete theirs, and the job's when it fails on a
 * second instance too. So bad jobs, however many, never open every breaker.
 */
export class JobVerdicts {
  readonly #threshold: number;
  readonly #takeOut: (instance: Instance, error: unknown) => void;
  readonly #streaks = new Map<Instance, Streak>();
  /** Value of the event counter at the last completed job of each instance. */
  readonly #completions = new Map<Instance, number>();
  #count = 0;

  /**
   * @param threshold consecutive failed jobs after which an instance is taken out
   * @param takeOut called with the instance and the error of its last job
   */
  constructor(threshold: number, takeOut: (instance: Instance, error: unknown) => void) {
    this.#threshold = threshold;
    this.#takeOut = takeOut;
  }

  /** Records a completed job. */
  completed(instance: Instance): void {
    this.#count += 1;
    this.#completions.set(instance, this.#count);
    this.#streaks.delete(instance);
    instance.breaker.passTrial();
  }

  /**
   * Records a job that failed on an instance that is up.
   * @param key the job, the same for all of its attempts
   * @param isMachines whether the job itself cannot have caused the failure, as with a prompt that never ends
   */
  failed(instance: Instance, key: string, isMachines: boolean, error: unknown): void {
    this.#count += 1;
    if (this.#acquitElsewhere(instance, key)) return;
    let streak = this.#streaks.get(instance);
    if (!streak) {
      streak = { failures: new Map(), since: this.#count };
      this.#streaks.set(instance, streak);
    }
    streak.failures.set(key, isMachines);
    const [oldest] = streak.failures.keys();
    if (streak.failures.size > MAX_REMEMBERED && oldest !== undefined) streak.failures.delete(oldest);
    const enough = instance.breaker.isOnTrial ? 1 : this.#threshold;
    if (streak.failures.size < enough || !this.#isMachines(instance, streak)) return;
    // During its trial, jobs that others complete from now on count against it.
    this.#streaks.set(instance, { failures: new Map(), since: this.#count });
    this.#takeOut(instance, error);
  }

  /** Forgets a removed instance. */
  forget(instance: Instance): void {
    this.#streaks.delete(instance);
    this.#completions.delete(instance);
  }

  /**
   * Clears other instances of a job's failure: a job that fails here and elsewhere is itself at fault.
   * @returns whether it had failed elsewhere
   */
  #acquitElsewhere(instance: Instance, key: string): boolean {
    let wasElsewhere = false;
    for (const [other, { failures }] of this.#streaks) {
      if (other !== instance && failures.delete(key)) wasElsewhere = true;
    }
    return wasElsewhere;
  }

  #isMachines(instance: Instance, { failures, since }: Streak): boolean {
    if ([...failures.values()].every((isMachines) => isMachines)) return true;
    return [...this.#completions].some(([other, when]) => other !== instance && when > since);
  }
}
