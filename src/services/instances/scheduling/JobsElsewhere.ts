import { keepNewest } from '../../../utils/keepNewest.js';
import { restMs } from './restMs.js';

/** A job that another server started on a machine. */
export interface JobElsewhere {
  readonly client: string;
  readonly expectedMs: number;
}

interface Account {
  /** By id, in the order of submission: ComfyUI executes one prompt after the other. */
  readonly jobs: Map<string, JobElsewhere>;
  /** Since when the first of them is executing, as far as known. */
  executingSince: number;
}

/** Maximum number of jobs per machine: the message about an end may be lost. */
const MAX_JOBS = 64;

/** The jobs of other servers on the machines, as far as this server knows them. */
export class JobsElsewhere {
  readonly #accounts = new Map<string, Account>();

  /** Records that another server started a job. */
  start(machine: string, id: string, job: JobElsewhere, now: number): void {
    const account = this.#accounts.get(machine) ?? {
      jobs: new Map<string, JobElsewhere>(),
      executingSince: now,
    };
    this.#accounts.set(machine, account);
    if (account.jobs.size === 0) account.executingSince = now;
    keepNewest(account.jobs, id, job, MAX_JOBS);
  }

  /** Records that a job is no longer on its machine. @returns the job, if it was known */
  end(machine: string, id: string, now: number): JobElsewhere | undefined {
    const account = this.#accounts.get(machine);
    const job = account?.jobs.get(id);
    if (!account || !job) return undefined;
    const [first] = account.jobs.keys();
    if (first === id) account.executingSince = now;
    account.jobs.delete(id);
    if (account.jobs.size === 0) this.#accounts.delete(machine);
    return job;
  }

  /**
   * Returns the milliseconds until a machine has executed the jobs of other servers.
   * @param count number of these jobs, as the leases of their slots count them
   * @param usualMs time of a job that this server knows nothing about
   */
  waitMs(machine: string, count: number, usualMs: number, now: number): number {
    if (count === 0) return 0;
    const account = this.#accounts.get(machine);
    // The newest ones: the end of an older one may have been missed.
    const known = [...(account?.jobs.values() ?? [])].slice(-count);
    const [first] = known;
    if (!account || !first) return count * usualMs;
    const all = known.reduce((sum, { expectedMs }) => sum + expectedMs, (count - known.length) * usualMs);
    return all - first.expectedMs + restMs(first.expectedMs, now - account.executingSince);
  }
}
