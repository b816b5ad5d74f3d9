import type { JobStore } from '../queue/JobStore.js';
import type { BackgroundWork } from './BackgroundWork.js';
import { type FinishedJob, isFinished, type Job } from './Job.js';
import { RecordEnds } from './RecordEnds.js';
import { isOutdated, RecordWrites } from './RecordWrites.js';
import type { StoreCalls } from './StoreCalls.js';

interface Change<T extends Job> {
  readonly record: T;
  /** Resolves when the store has the record, or has failed to store it for some time. Never rejects. */
  readonly written: Promise<void>;
}

/**
 * Called if this server no longer holds a job, because another one has ended it or has begun a later attempt.
 * @param held the record here
 * @param stored the newer one; undefined if the job does not exist any more
 */
export type OnLost = (held: Job, stored: Job | undefined) => void;

/**
 * The records of jobs. Changes of a job that is held here are decided here, synchronously and in one place; the store
 * is updated afterwards. So no failure of the store stops a job: failed writes are kept and repeated.
 * ¶ A server with its own store holds every unfinished job. Servers that share one hold the jobs that they run; all
 * other changes, and every end, are decided by the store.
 */
export class JobRecords {
  /** Whether other servers have the same store. */
  readonly isShared: boolean;
  readonly #store: JobStore;
  readonly #calls: StoreCalls;
  readonly #background: BackgroundWork;
  /** Jobs that are held here. */
  readonly #live = new Map<string, Job>();
  /** Writes that the store does not have yet. */
  readonly writes: RecordWrites;
  readonly #ends: RecordEnds;
  /** Removed jobs that the store may still have. */
  readonly #deleted = new Set<string>();
  #onLost: OnLost = () => undefined;

  constructor(store: JobStore, calls: StoreCalls, background: BackgroundWork, isShared: boolean) {
    this.isShared = isShared;
    this.#store = store;
    this.#calls = calls;
    this.#background = background;
    this.writes = new RecordWrites(store, calls, background, (id, stored) => this.learn(id, stored));
    this.#ends = new RecordEnds(this, calls, (id, transition) => this.#updated(id, transition));
  }

  /** Sets the function that stops the attempts of lost jobs. */
  whenLost(listener: OnLost): void {
    this.#onLost = listener;
  }

  /**
   * Inserts a new job.
   * @throws the rejection of the store; nothing is left of the job then, unless it may be
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

  /** All jobs that are held here, oldest first. */
  allLive(): IterableIterator<Job> {
    return this.#live.values();
  }

  async get(id: string): Promise<Job | undefined> {
    if (this.#deleted.has(id)) return undefined;
    const fromStore = () => this.#calls.retried(() => this.#store.get(id));
    // The store may have the end before this server knows, and other servers may have told it.
    const stored = this.#ends.isUnderWay(id) ? await fromStore() : undefined;
    if (stored && isFinished(stored)) return stored;
    return this.#newest(id) ?? fromStore();
  }

  /**
   * Changes a job of a shared store that the caller took from the queue, and holds it from now on.
   * @param transition returns the new record, or undefined to leave it unchanged
   * @returns the new record, or undefined if unchanged
   * @throws the rejection of the store
   */
  async hold<T extends Job>(id: string, transition: (job: Job) => T | undefined): Promise<T | undefined> {
    const record = await this.#updated(id, transition);
    if (record) this.#live.set(id, record);
    return record;
  }

  /** Whether this server held the job and recorded its end in the shared store. */
  hasEnded(id: string): boolean {
    return this.#ends.has(id);
  }

  /** This server has done everything for a job that it held. */
  release(id: string): void {
    this.#ends.forget(id);
    this.letGo(id);
  }

  /** Another server may hold the job from now on. */
  letGo(id: string): void {
    this.#live.delete(id);
    this.writes.letNoteGo(id);
  }

  /**
   * Compares a job that is held here with the store's record: an outdated job is lost.
   * @param stored undefined if the job does not exist any more
   */
  learn(id: string, stored: Job | undefined): void {
    const held = this.#live.get(id);
    // The end that is being stored finds out by itself.
    if (!held || this.#ends.isUnderWay(id) || (stored && !isOutdated(held, stored))) return;
    this.letGo(id);
    this.writes.forget(id);
    this.#onLost(held, stored);
  }

  /**
   * The record in the store, which other servers may have changed. Asks the store once. A job that is held here learns of it.
   * @throws the rejection of the store
   */
  async stored(id: string): Promise<Job | undefined> {
    const stored = await this.#calls.once(() => this.#store.get(id));
    this.learn(id, stored);
    return stored;
  }

  /**
   * Whether a job that was held here is lost, according to the store. Waits for an unavailable one: what an attempt means for
   * the job cannot be recorded before.
   */
  async isLost(id: string): Promise<boolean> {
    if (!this.isShared) return false;
    for (let failures = 0; this.#live.has(id); failures += 1) {
      // Another server will continue it.
      if (this.writes.isStopped) return true;
      try {
        await this.stored(id);
        break;
      } catch {
        await this.#calls.pause(failures);
      }
    }
    return !this.#live.has(id);
  }

  /** See `RecordEnds.end`. */
  end<T extends FinishedJob>(id: string, transition: (job: Job) => T | undefined): Promise<T | undefined> {
    return this.#ends.end(id, transition);
  }

  /**
   * Changes a job that is held here. The change is effective immediately, whatever the store does.
   * @param transition returns the new record, or undefined to leave it unchanged
   * @returns the new record, or undefined if the job is not held or is unchanged
   */
  change<T extends Job>(id: string, transition: (job: Job) => T | undefined): Change<T> | undefined {
    const record = this.#keep(id, transition);
    if (!record) return undefined;
    this.writes.letNoteGo(id);
    return { record, written: this.writes.writeOrRetry(id) };
  }

  /**
   * Like `change`, for changes that must be stored before anyone continues or sees them: waits for an unavailable store.
   * @returns the new record, or undefined if the job is no longer held here: it has ended, or another server has it
   */
  async confirm<T extends Job>(id: string, transition: (job: Job) => T | undefined): Promise<T | undefined> {
    const held = this.#live.get(id);
    const record = held && transition(held);
    if (!record) return undefined;
    this.writes.letNoteGo(id);
    this.writes.add(record);
    await this.writes.whenWritten(id);
    if (this.writes.isStopped || !this.#live.has(id)) return undefined;
    this.#live.set(id, record);
    return record;
  }

  /**
   * Like `change`, for progress, which is soon outdated. It is stored with the next `change`, or some time later,
   * once for all progress in between.
   * @returns the new record, or undefined if the job has ended or is unchanged
   */
  note<T extends Job>(id: string, transition: (job: Job) => T | undefined): T | undefined {
    const record = this.#keep(id, transition);
    if (!record) return undefined;
    this.writes.note(id);
    return record;
  }

  /** Stops delayed writes. */
  stop(): void {
    this.writes.stop();
  }

  /** Removes a job. The store is asked once before this resolves, and until it succeeds. Never rejects. */
  async delete(id: string): Promise<void> {
    this.letGo(id);
    this.writes.forget(id);
    this.#deleted.add(id);
    await this.#background.run(`delete record ${id}`, async () => {
      await this.#store.delete(id);
      this.#deleted.delete(id);
    });
  }

  /** As the store lists them, each with its current record. */
  list: JobStore['list'] = async (filter, page) => {
    const { jobs, total } = await this.#calls.retried(() => this.#store.list(filter, page));
    const kept = this.#deleted.size > 0 ? jobs.filter(({ id }) => !this.#deleted.has(id)) : jobs;
    return { jobs: this.writes.size > 0 ? kept.map((job) => this.#newest(job.id) ?? job) : kept, total };
  };

  counts: JobStore['counts'] = () => this.#calls.retried(() => this.#store.counts());

  /** Jobs that had finished by then, without removed ones. */
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
