import { keepNewest } from '../../utils/keepNewest.js';
import type { Instance } from './Instance.js';

/** Maximum number of failed jobs per streak; a machine may fail for days without completing a job. */
const MAX_REMEMBERED = 1000;

/** Jobs of one client with one workflow: a parameter that makes one of them fail may be in all of them. */
export interface JobOrigin {
  /** The job, the same for all of its attempts. */
  readonly job: string;
  readonly client: string;
  /** The same for jobs that differ only in their parameters. */
  readonly workflow: string;
}

/**
 * What may have caused a failure: only the machine, the machine or the job, or, for a job that ran too long, a machine that hangs
 * unless jobs of its client run too long on other machines, too.
 */
export type Cause = 'machine' | 'unclear' | 'timeout';

interface Failure extends JobOrigin {
  readonly cause: Cause;
}

/** Consecutive failed jobs on one instance since its last completed job. */
interface Streak {
  /** By job. */
  readonly failures: Map<string, Failure>;
  /** Value of the event counter at the start of the streak. */
  readonly since: number;
}

/**
 * Judges instances by the results of their jobs. A failed node can be the fault of the image or of the machine. It is
 * the machine's when job after job fails there while other machines complete theirs, and the job's when it fails on a
 * second instance too. Failures of one client count once, unless others complete its jobs of the same workflow
 * meanwhile. So bad jobs, however many, never open every breaker.
 */
export class JobVerdicts {
  readonly #threshold: number;
  readonly #takeOut: (instance: Instance, error: unknown) => void;
  readonly #streaks = new Map<Instance, Streak>();
  /** Value of the event counter at the last completed job of each instance. */
  readonly #completions = new Map<Instance, number>();
  /** The same by origin, for the latest instances that completed a job of it. */
  readonly #completionsByOrigin = new Map<string, ReadonlyMap<Instance, number>>();
  /** By client, the instances on which its jobs ran too long since they last completed one of its jobs. */
  readonly #timeouts = new Map<string, ReadonlySet<Instance>>();
  /** Jobs that failed on two instances, and are themselves at fault. */
  readonly #guilty = new Map<string, true>();
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
  completed(instance: Instance, origin: JobOrigin): void {
    this.#count += 1;
    this.#completions.set(instance, this.#count);
    const key = keyOf(origin);
    const latest = new Map(this.#completionsByOrigin.get(key)).set(instance, this.#count);
    keepNewest(this.#completionsByOrigin, key, latest, MAX_REMEMBERED);
    this.#streaks.delete(instance);
    this.#forgetTimeouts(instance, origin.client);
    instance.breaker.passTrial();
  }

  /**
   * Records a job that failed on an instance that is up.
   */
  failed(instance: Instance, origin: JobOrigin, cause: Cause, error: unknown): void {
    this.#count += 1;
    if (this.#isGuilty(instance, origin.job)) return;
    if (cause === 'timeout') {
      const known = this.#timeouts.get(origin.client) ?? [];
      keepNewest(this.#timeouts, origin.client, new Set([...known, instance]), MAX_REMEMBERED);
    }
    let streak = this.#streaks.get(instance);
    if (!streak) {
      streak = { failures: new Map(), since: this.#count };
      this.#streaks.set(instance, streak);
    }
    keepNewest(streak.failures, origin.job, { ...origin, cause }, MAX_REMEMBERED);
    const enough = instance.breaker.isOnTrial ? 1 : this.#threshold;
    if (this.#weightOf(instance, streak) < enough || !this.#isMachines(instance, streak)) return;
    // During its trial, jobs that others complete from now on count against it.
    this.#streaks.set(instance, { failures: new Map(), since: this.#count });
    this.#takeOut(instance, error);
  }

  /** Forgets a removed instance. */
  forget(instance: Instance): void {
    this.#streaks.delete(instance);
    this.#completions.delete(instance);
    for (const client of this.#timeouts.keys()) this.#forgetTimeouts(instance, client);
    for (const [key, latest] of this.#completionsByOrigin) {
      const others = [...latest].filter(([other]) => other !== instance);
      if (others.length > 0) this.#completionsByOrigin.set(key, new Map(others));
      else this.#completionsByOrigin.delete(key);
    }
  }

  #forgetTimeouts(instance: Instance, client: string): void {
    const others = [...(this.#timeouts.get(client) ?? [])].filter((other) => other !== instance);
    if (others.length > 0) this.#timeouts.set(client, new Set(others));
    else this.#timeouts.delete(client);
  }

  /** Whether the client cannot have caused a failure here. */
  #isOnlyMachines(instance: Instance, { cause, client }: Failure): boolean {
    if (cause !== 'timeout') return cause === 'machine';
    return [...(this.#timeouts.get(client) ?? [])].every((other) => other === instance);
  }

  /**
   * Whether a job that fails here has failed elsewhere, too. Then it is itself at fault: its failures do not count
   * anymore, on no instance.
   */
  #isGuilty(instance: Instance, job: string): boolean {
    let wasElsewhere = this.#guilty.has(job);
    for (const [other, { failures }] of this.#streaks) {
      if (other !== instance && failures.delete(job)) wasElsewhere = true;
    }
    if (!wasElsewhere) return false;
    this.#streaks.get(instance)?.failures.delete(job);
    keepNewest(this.#guilty, job, true, MAX_REMEMBERED);
    return true;
  }

  /** The number of failed jobs, of which those that their client may have caused count once for each client. */
  #weightOf(instance: Instance, { failures, since }: Streak): number {
    let weight = 0;
    const clients = new Set<string>();
    for (const failure of failures.values()) {
      const elsewhere = this.#completionsByOrigin.get(keyOf(failure));
      if (this.#isOnlyMachines(instance, failure) || (elsewhere && hasOtherSince(elsewhere, instance, since)))
        weight += 1;
      else clients.add(failure.client);
    }
    return weight + clients.size;
  }

  #isMachines(instance: Instance, { failures, since }: Streak): boolean {
    if ([...failures.values()].every(({ cause }) => cause !== 'unclear')) return true;
    return hasOtherSince(this.#completions, instance, since);
  }
}

/** Whether another instance completed a job since then. */
function hasOtherSince(
  completions: ReadonlyMap<Instance, number>,
  instance: Instance,
  since: number,
): boolean {
  return [...completions].some(([other, when]) => other !== instance && when > since);
}

const keyOf = ({ client, workflow }: JobOrigin): string => JSON.stringify([client, workflow]);
