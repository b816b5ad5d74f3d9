import type { JobStore } from '../queue/JobStore.js';
import type { BackgroundWork } from './BackgroundWork.js';
import { isFinished, type Job } from './Job.js';
import type { StoreCalls } from './StoreCalls.js';

/** The newest records that the store does not have yet, and their writes. */
export class RecordWrites {
  readonly #store: JobStore;
  readonly #calls: StoreCalls;
  readonly #background: BackgroundWork;
  readonly #unwritten = new Map<string, Job>();
  /** Jobs whose newest record only has progress: it is stored later. */
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

  /** Takes the newest record of a job, without writing it. */
  add(job: Job): void {
    this.#unwritten.set(job.id, job);
  }

  forget(id: string): void {
    this.#unwritten.delete(id);
  }

  /** Writes a job's record some time later, once for all changes until then. */
  note(id: string): void {
    this.#noted.add(id);
    this.#noteTimer ??= setTimeout(() => this.#writeNoted(), this.#calls.progressIntervalMs);
  }

  /** Cancels the writes of a job: the store gets it in another way. */
  letNoteGo(id: string): void {
    this.#noted.delete(id);
  }

  /** Stops delayed writes. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#noteTimer);
    this.#noteTimer = undefined;
  }

  /**
   * Resolves when the store has all changes of a job, with whether something was written now. Resolves with false after `stop`,
   * too.
   */
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

  /** Writes the changes of a job that the store does not have yet. @throws the rejection of the store */
  async flush(id: string): Promise<void> {
    await this.#calls.once(() => this.#write(id));
  }

  /** Like `flush`; failures are repeated in the background. Never rejects. */
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
   * Writes the newest record of a job, even if this runs later than planned.
   * @returns whether it was written
   */
  async #write(id: string): Promise<boolean> {
    let record = this.#unwritten.get(id);
    if (!record) return false;
    const updated = await this.#store.update(id, (stored) => {
      record = this.#unwritten.get(id);
      // An end is final; it may be this one, from a call whose response was lost. A later attempt belongs to another
      // server.
      const isOutdated = record !== undefined && stored.attempts > record.attempts;
      return isFinished(stored) || isOutdated ? undefined : record;
    });
    if (this.#unwritten.get(id) === record) this.#unwritten.delete(id);
    return updated !== undefined;
  }
}
