import type { JobStore } from '../queue/JobStore.js';
import type { BackgroundWork } from './BackgroundWork.js';
import { isFinished, type Job } from './Job.js';
import type { StoreCalls } from './StoreCalls.js';

interface Change<T extends Job> {
  readonly record: T;
  /** Resolves when the store has the record, or has failed to take it for some time. Never rejects. */
  readonly written: Promise<void>;
}

/**
 * The records of jobs. What becomes of a job that has not ended is decided here, at once and in one place; the store
 * is told of it. So no failure of the store stops a job: what it does not take is kept here and written later.
 */
export class JobRecords {
  readonly #store: JobStore;
  readonly #calls: StoreCalls;
  readonly #background: BackgroundWork;
  /** Jobs that have not ended. */
  readonly #live = new Map<string, Job>();
  /** Newest records that the store does not have yet. */
  readonly #unwritten = new Map<string, Job>();
  /** Jobs that are forgotten, while the store may still have them. */
  readonly #deleted = new Set<string>();
  /** Jobs whose newest record only tells of progress: the store has it later. */
  readonly #noted = new Set<string>();
  #noteTimer: NodeJS.Timeout | undefined;

  constructor(store: JobStore, calls: StoreCalls, background: BackgroundWork) {
    this.#store = store;
    this.#calls = calls;
    this.#background = background;
  }

  /** Takes a new job. @throws what the store rejects with; nothing of the job is left then */
  async insert(job: Job): Promise<void> {
    const discard = () => void this.delete(job.id);
    try {
      await this.#calls.once(() => this.#store.insert(job), discard);
    } catch (error) {
      discard();
      throw error;
    }
    this.#live.set(job.id, job);
  }

  /** A job that has not ended. */
  live(id: string): Job | undefined {
    return this.#live.get(id);
  }

  /** All jobs that have not ended, in the order in which they came. */
  allLive(): IterableIterator<Job> {
    return this.#live.values();
  }

  async get(id: string): Promise<Job | undefined> {
    if (this.#deleted.has(id)) return undefined;
    return this.#newest(id) ?? this.#calls.retried(() => this.#store.get(id));
  }

  /**
   * Changes a job that has not ended. The change holds from now on, whatever the store does.
   * @param transition returns the new record, or undefined to leave it as it is
   * @returns the new record, or undefined when the job has ended or was left
   */
  change<T extends Job>(id: string, transition: (job: Job) => T | undefined): Change<T> | undefined {
    const record = this.#keep(id, transition);
    if (!record) return undefined;
    this.#noted.delete(id);
    return { record, written: this.#writeOrRetry(id) };
  }

  /**
   * As `change`, for what is out of date soon: the progress. The store has it with the next `change`, and some time later
   * where none comes, once for all of it that came meanwhile.
   * @returns the new record, or undefined when the job has ended or was left
   */
  note<T extends Job>(id: string, transition: (job: Job) => T | undefined): T | undefined {
    const record = this.#keep(id, transition);
    if (!record) return undefined;
    this.#noted.add(id);
    this.#noteTimer ??= setTimeout(() => this.#writeNoted(), this.#calls.progressIntervalMs);
    return record;
  }

  /** Writes nothing later any more. */
  stop(): void {
    clearTimeout(this.#noteTimer);
    this.#noteTimer = undefined;
  }

  /** Forgets a job. The store is asked once before this resolves, and until it worked. Never rejects. */
  async delete(id: string): Promise<void> {
    this.#live.delete(id);
    this.#unwritten.delete(id);
    this.#noted.delete(id);
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
    return { jobs: this.#unwritten.size > 0 ? kept.map((job) => this.#newest(job.id) ?? job) : kept, total };
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
    this.#unwritten.set(id, record);
    return record;
  }

  #writeNoted(): void {
    this.#noteTimer = undefined;
    const ids = [...this.#noted];
    this.#noted.clear();
    for (const id of ids) void this.#writeOrRetry(id);
  }

  #newest(id: string): Job | undefined {
    return this.#live.get(id) ?? this.#unwritten.get(id);
  }

  async #writeOrRetry(id: string): Promise<void> {
    const write = () => this.#write(id);
    try {
      await this.#calls.retried(write);
    } catch (error) {
      this.#background.retry(`write record ${id}`, write, error);
    }
  }

  /** Gives the store the newest record of a job, also when this runs later than it was meant to. */
  async #write(id: string): Promise<void> {
    let record = this.#unwritten.get(id);
    if (!record) return;
    await this.#store.update(id, (stored) => {
      record = this.#unwritten.get(id);
      // An end is final; it may be this one, from a call whose answer was lost.
      return isFinished(stored) ? undefined : record;
    });
    if (this.#unwritten.get(id) === record) this.#unwritten.delete(id);
  }
}
