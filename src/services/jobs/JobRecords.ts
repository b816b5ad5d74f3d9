import type { JobStore } from '../queue/JobStore.js';
import type { BackgroundWork } from './BackgroundWork.js';
import { type FinishedJob, isFinished, type Job } from './Job.js';
import { RecordWrites } from './RecordWrites.js';
import type { StoreCalls } from './StoreCalls.js';

interface Change<T extends Job> {
  readonly record: T;
  /** Resolves when the store has the record, or has failed to take it for some time. Never rejects. */
  readonly written: Promise<void>;
}

/**
 * The records of jobs. What becomes of a job that is held here is decided here, at once and in one place; the store is told
 * of it. So no failure of the store stops a job: what it does not take is kept here and written later.
 *
 * A server that has the store for itself holds every job that has not ended. Servers that share one hold the jobs that
 * they run; all other changes, and every end, are decided by the store.
 */
export class JobRecords {
  /** Whether other servers have the same store. */
  readonly isShared: boolean;
  readonly #store: JobStore;
  readonly #calls: StoreCalls;
  readonly #background: BackgroundWork;
  /** Jobs that are held here. */
  readonly #live = new Map<string, Job>();
  /** What the store does not have yet. */
  readonly writes: RecordWrites;
  /** Jobs that are forgotten, while the store may still have them. */
  readonly #deleted = new Set<string>();

  constructor(store: JobStore, calls: StoreCalls, background: BackgroundWork, isShared: boolean) {
    this.isShared = isShared;
    this.#store = store;
    this.#calls = calls;
    this.#background = background;
    this.writes = new RecordWrites(store, calls, background);
  }

  /**
   * Takes a new job.
   * @throws what the store rejects with; nothing of the job is left then, unless it may be
   */
  async insert(job: Job, mayBeLeft = false): Promise<void> {
    const discard = () => {
      if (!mayBeLeft) void this.delete(job.id);
    };
    try {
      await this.#calls.once(() => this.#store.insert(job), discard);
    } catch (error) {
      discard();
      throw error;
    }
    if (!this.isShared) this.#live.set(job.id, job);
  }

  /** A job that is held here. */
  live(id: string): Job | undefined {
    return this.#live.get(id);
  }

  /** All jobs that are held here, in the order in which they came. */
  allLive(): IterableIterator<Job> {
    return this.#live.values();
  }

  async get(id: string): Promise<Job | undefined> {
    if (this.#deleted.has(id)) return undefined;
    return this.#newest(id) ?? this.#calls.retried(() => this.#store.get(id));
  }

  /**
   * Changes a job of a shared store that whoever calls took from the queue, and holds it from now on.
   * @param transition returns the new record, or undefined to leave it as it is
   * @returns the new record, or undefined when it was left
   * @throws what the store rejects with
   */
  async hold<T extends Job>(id: string, transition: (job: Job) => T | undefined): Promise<T | undefined> {
    const record = await this.#updated(id, transition);
    if (record) this.#live.set(id, record);
    return record;
  }

  /** Somebody else may hold the job from now on. */
  letGo(id: string): void {
    this.#live.delete(id);
    this.writes.letNoteGo(id);
  }

  /** Whoever ended the job may be another server: then what is known here of it is out of date. */
  ended(id: string): void {
    this.letGo(id);
    const unwritten = this.writes.get(id);
    if (unwritten && !isFinished(unwritten)) this.writes.forget(id);
  }

  /**
   * Ends a job, wherever it is held, in a store that is shared. What the store has counts: of two ends only one is. A job
   * that is held here is cancelled although the store fails, which is told later. Any other end waits for the store: should
   * this server be killed before, another one goes on with the job, and nobody may have heard of an end.
   * @returns the new record, or undefined when the job has ended already or was left
   * @throws what the store rejects with, for a job that is not held here
   */
  async end<T extends FinishedJob>(
    id: string,
    transition: (job: Job) => T | undefined,
  ): Promise<T | undefined> {
    const held = this.#live.get(id);
    if (!held) return this.#endOnce(id, transition);
    const record = transition(held);
    if (!record) return undefined;
    for (let failures = 0; !this.writes.isStopped; failures += 1) {
      try {
        const ended = await this.#endOnce(id, () => record);
        this.letGo(id);
        this.writes.forget(id);
        return ended;
      } catch {
        if (record.status === 'cancelled') return this.change(id, () => record)?.record;
        await this.#calls.pause(failures);
      }
    }
    return undefined;
  }

  /**
   * Changes a job that is held here. The change holds from now on, whatever the store does.
   * @param transition returns the new record, or undefined to leave it as it is
   * @returns the new record, or undefined when the job is not held or was left
   */
  change<T extends Job>(id: string, transition: (job: Job) => T | undefined): Change<T> | undefined {
    const record = this.#keep(id, transition);
    if (!record) return undefined;
    this.writes.letNoteGo(id);
    return { record, written: this.writes.writeOrRetry(id) };
  }

  /**
   * As `change`, for what nobody may go on from before the store has it: a store that is away is waited for.
   * @returns the new record, or undefined when the job is not held here any more: it has ended, or another server has it
   */
  async confirm<T extends Job>(id: string, transition: (job: Job) => T | undefined): Promise<T | undefined> {
    const record = this.#keep(id, transition);
    if (!record) return undefined;
    if (await this.writes.whenWritten(id)) return record;
    this.ended(id);
    return undefined;
  }

  /**
   * As `change`, for what is out of date soon: the progress. The store has it with the next `change`, and some time later
   * where none comes, once for all of it that came meanwhile.
   * @returns the new record, or undefined when the job has ended or was left
   */
  note<T extends Job>(id: string, transition: (job: Job) => T | undefined): T | undefined {
    const record = this.#keep(id, transition);
    if (!record) return undefined;
    this.writes.note(id);
    return record;
  }

  /** Writes nothing later any more. */
  stop(): void {
    this.writes.stop();
  }

  /** Forgets a job. The store is asked once before this resolves, and until it worked. Never rejects. */
  async delete(id: string): Promise<void> {
    this.letGo(id);
    this.writes.forget(id);
    this.#deleted.add(id);
    await this.#background.run(`delete record ${id}`, async () => {
      await this.#store.delete(id);
      this.#deleted.delete(id);
    });
  }

  /** As the store lists them, each as it is now. */
  list: JobStore['list'] = async (filter, page) => {
    const { jobs, total } = await this.#calls.retried(() => this.#store.list(filter, page));
    const kept = this.#deleted.size > 0 ? jobs.filter(({ id }) => !this.#deleted.has(id)) : jobs;
    return { jobs: this.writes.size > 0 ? kept.map((job) => this.#newest(job.id) ?? job) : kept, total };
  };

  counts: JobStore['counts'] = () => this.#calls.retried(() => this.#store.counts());

  /** Jobs that finished until then, without those that are forgotten already. */
  async finishedUntil(time: number): Promise<string[]> {
    const ids = await this.#calls.retried(() => this.#store.finishedUntil(time));
    return this.#deleted.size > 0 ? ids.filter((id) => !this.#deleted.has(id)) : ids;
  }

  #keep<T extends Job>(id: string, transition: (job: Job) => T | undefined): T | undefined {
    const job = this.#live.get(id);
    const record = job && transition(job);
    if (!record) return undefined;
    if (isFinished(record)) this.#live.delete(id);
    else this.#live.set(id, record);
    this.writes.add(record);
    return record;
  }

  /** Ends a job in the store, unless it has ended. */
  #endOnce<T extends FinishedJob>(
    id: string,
    transition: (job: Job) => T | undefined,
  ): Promise<T | undefined> {
    let record: T | undefined;
    return this.#updated(id, (stored) => {
      // It may be this end, from a call whose answer was lost.
      if (isFinished(stored)) return record && isSameEnd(stored, record) ? record : undefined;
      record = transition(stored);
      return record;
    });
  }

  /** Changes the store's record. */
  async #updated<T extends Job>(id: string, transition: (job: Job) => T | undefined): Promise<T | undefined> {
    let record: T | undefined;
    const change = (job: Job) => {
      record = transition(job);
      return record;
    };
    const isUpdated = await this.#calls.retried(() => this.#store.update(id, change));
    return isUpdated && record;
  }

  #newest(id: string): Job | undefined {
    return this.#live.get(id) ?? this.writes.get(id);
  }
}

/** Whether an end that the store has is the one that it was given. */
function isSameEnd(stored: FinishedJob, record: FinishedJob): boolean {
  return stored.status === record.status && stored.finishedTime === record.finishedTime;
}
