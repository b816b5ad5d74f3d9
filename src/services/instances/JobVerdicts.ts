import type { Instance } from './Instance.js';

/** Failed jobs of one streak that are remembered; a machine may fail for days before it completes one. */
const MAX_REMEMBERED = 1000;

/** Jobs in a row that failed on one instance, since it last completed one. */
interface Streak {
  /** Jobs by their key, and whether the failure can only be the machine's. */
  readonly failures: Map<string, boolean>;
  /** What had happened before the streak began, as a count. */
  readonly since: number;
}

/**
 * Judges instances by what becomes of their jobs. A node that fails may be the image's fault or the machine's:
 * it is the machine's when job after job fails on it while others complete theirs, and the job's when it fails
 * on a second instance too. So one bad job, or many, never open every breaker.
 */
export class JobVerdicts {
  readonly #threshold: number;
  readonly #takeOut: (instance: Instance, error: unknown) => void;
  readonly #streaks = new Map<Instance, Streak>();
  /** When each instance last completed a job, by count. */
  readonly #completions = new Map<Instance, number>();
  #count = 0;

  /**
   * @param threshold jobs in a row that condemn an instance
   * @param takeOut called with an instance that was condemned, and its last job's error
   */
  constructor(threshold: number, takeOut: (instance: Instance, error: unknown) => void) {
    this.#threshold = threshold;
    this.#takeOut = takeOut;
  }

  /** A job was completed. */
  completed(instance: Instance): void {
    this.#count += 1;
    this.#completions.set(instance, this.#count);
    this.#streaks.delete(instance);
    instance.breaker.passTrial();
  }

  /**
   * A job failed on an instance that answers.
   * @param key the job, the same for all of its tries
   * @param isMachines the failure cannot be the job's own, such as a prompt that never ends
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
    // What others complete from now on counts against it in its trial.
    this.#streaks.set(instance, { failures: new Map(), since: this.#count });
    this.#takeOut(instance, error);
  }

  /** An instance is gone. */
  forget(instance: Instance): void {
    this.#streaks.delete(instance);
    this.#completions.delete(instance);
  }

  /** A job that fails here as well as elsewhere is at fault itself. @returns whether it had failed elsewhere */
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
