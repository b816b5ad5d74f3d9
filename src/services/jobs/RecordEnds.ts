import { type FinishedJob, isFinished, type Job } from './Job.js';
import { isOutdated, type RecordWrites } from './RecordWrites.js';
import type { StoreCalls } from './StoreCalls.js';

/** Changes a record in the store. @returns the new record, or undefined if it is unchanged */
type Update = <T extends Job>(id: string, transition: (job: Job) => T | undefined) => Promise<T | undefined>;

/** The records of `JobRecords` that this server holds. */
interface HeldRecords {
  readonly writes: RecordWrites;
  live(id: string): Job | undefined;
  letGo(id: string): void;
  change<T extends Job>(id: string, transition: (job: Job) => T | undefined): { record: T } | undefined;
}

/** Ends of jobs in a shared store, which decides them. */
export class RecordEnds {
  readonly #records: HeldRecords;
  readonly #calls: StoreCalls;
  readonly #update: Update;
  /** Jobs that this server held and ended, until `forget`. */
  readonly #ended = new Set<string>();
  /** Jobs that are held here, and whose end is being stored. */
  readonly #underWay = new Set<string>();

  constructor(records: HeldRecords, calls: StoreCalls, update: Update) {
    this.#records = records;
    this.#calls = calls;
    this.#update = update;
  }

  /** Whether this server held the job and recorded its end. */
  has(id: string): boolean {
    return this.#ended.has(id);
  }

  /** Whether the end of a job that is held here is being stored. */
  isUnderWay(id: string): boolean {
    return this.#underWay.has(id);
  }

  forget(id: string): void {
    this.#ended.delete(id);
  }

  /**
   * Ends a job, whoever holds it. The store decides: one of two ends wins. A job that is held here is cancelled even if
   * the store fails, and the store is updated later. Any other end waits for the store: if this server is killed
   * before, another one continues the job, and nobody may have seen an end.
   * @returns the new record, or undefined if the job has already ended or is unchanged
   * @throws the rejection of the store, for a job that is not held here
   */
  async end<T extends FinishedJob>(
    id: string,
    transition: (job: Job) => T | undefined,
  ): Promise<T | undefined> {
    const held = this.#records.live(id);
    if (!held) return this.#endOnce(id, transition, {});
    const record = transition(held);
    if (!record) return undefined;
    // The end of an attempt need not be the end of a later one.
    const newest = (stored: Job) => (isOutdated(held, stored) ? transition(stored) : record);
    this.#underWay.add(id);
    try {
      return await this.#endHeld(id, newest, { record });
    } finally {
      this.#underWay.delete(id);
    }
  }

  /** Stores the end of a job that is held here. */
  async #endHeld<T extends FinishedJob>(
    id: string,
    transition: (job: Job) => T | undefined,
    tried: { record: T },
  ): Promise<T | undefined> {
    const { writes } = this.#records;
    for (let failures = 0; !writes.isStopped; failures += 1) {
      try {
        const ended = await this.#endOnce(id, transition, tried);
        if (ended) this.#ended.add(id);
        this.#records.letGo(id);
        writes.forget(id);
        return ended;
      } catch {
        if (tried.record.status === 'cancelled') return this.#records.change(id, () => tried.record)?.record;
        await this.#calls.pause(failures);
      }
    }
    return undefined;
  }

  /**
   * Ends a job in the store, unless it has ended.
   * @param tried the end of the last call, which the store may have although that call failed
   */
  #endOnce<T extends FinishedJob>(
    id: string,
    transition: (job: Job) => T | undefined,
    tried: { record?: T },
  ): Promise<T | undefined> {
    return this.#update(id, (stored) => {
      if (isFinished(stored)) {
        return tried.record && isSameEnd(stored, tried.record) ? tried.record : undefined;
      }
      const record = transition(stored);
      if (record) tried.record = record;
      return record;
    });
  }
}

/** Whether the end in the store is the given one. */
function isSameEnd(stored: FinishedJob, record: FinishedJob): boolean {
  return stored.status === record.status && stored.finishedTime === record.finishedTime;
}
