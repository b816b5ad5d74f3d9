import type { JobStore } from '../queue/JobStore.js';
import type { BackgroundWork } from './BackgroundWork.js';
import { isFinished, type Job } from './Job.js';
import type { StoreCalls } from './StoreCalls.js';

/** The newest records that the store does not have yet, and how it gets them. */
export class RecordWrites {
  readonly #store: JobStore;
  readonly #calls: StoreCalls;
  readonly #background: BackgroundWork;
  readonly #unwritten = new Map<string, Job>();
  /** Jobs whose newest record only tells of progress: the store has it later. */
  readonly #noted = new Set<string>();
  #noteTimer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(store: JobStore, calls: StoreCalls, background: BackgroundWork) {
    this.#store = store;
    this.#calls = calls;
    this.#background = background;
  }

  get size(): number {
    return this.#unwritten.size;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  get(id: string): Job | undefined {
    return this.#unwritten.get(id);
  }

  /** Takes the newest record of a job. Nothing is written yet. */
  add(job: Job): void {
    this.#unwritten.set(job.id, job);
  }

  forget(id: string): void {
    this.#unwritten.delete(id);
  }

  /** Gives the store a job's record some time later, once for all that comes until then. */
  note(id: string): void {
    this.#noted.add(id);
    this.#noteTimer ??= setTimeout(() => this.#writeNoted(), this.#calls.progressIntervalMs);
  }

  /** Nothing is written for what was noted of the job: the store has it in another way. */
  letNoteGo(id: string): void {
    this.#noted.delete(id);
  }

  /** Writes nothing later any more. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#noteTimer);
    this.#noteTimer = undefined;
  }

  /** Resolves when the store has all of a job, with whether it took something now. False at the end of this object, too. */
  async whenWritten(id: string): Promise<boolean> {
    for (let failures = 0; !this.#isStopped; failures += 1) {
      try {
        return await this.#calls.once(() => this.#write(id));
      } catch {
        await this.#calls.pause(failures);
      }
    }
    return false;
  }

  /** Gives the store what it does not have yet of a job. @throws what the store rejects with */
  async flush(id: string): Promise<void> {
    await this.#calls.once(() => this.#write(id));
  }

  /** As `flush`; what fails is done later, in the background. Never rejects. */
  async writeOrRetry(id: string): Promise<void> {
    const write = () => this.#write(id);
    try {
      await this.#calls.retried(write);
    } catch (error) {
      this.#background.retry(`write record ${id}`, write, error);
    }
  }

  #writeNoted(): void {
    this.#noteTimer = undefined;
    const ids = [...this.#noted];
    this.#noted.clear();
    for (const id of ids) void this.writeOrRetry(id);
  }

  /**
   * Gives the store the newest record of a job, also when this runs later than it was meant to.
   * @returns whether it has taken one
   */
  async #write(id: string): Promise<boolean> {
    let record = this.#unwritten.get(id);
    if (!record) return false;
    const updated = await this.#store.update(id, (stored) => {
      record = this.#unwritten.get(id);
      // An end is final; it may be this one, from a call whose answer was lost. A later attempt is another server's.
      const isOutdated = record !== undefined && stored.attempts > record.attempts;
      return isFinished(stored) || isOutdated ? undefined : record;
    });
    if (this.#unwritten.get(id) === record) this.#unwritten.delete(id);
    return updated !== undefined;
  }
}
