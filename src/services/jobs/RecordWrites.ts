import type { JobStore } from '../queue/JobStore.js';
import type { BackgroundWork } from './BackgroundWork.js';
import { isFinished, type Job } from './Job.js';
import type { StoreCalls } from './StoreCalls.js';
import * as transitions from './transitions.js';

/**
 * Called if a record cannot be written any more: its job has ended, or another server has begun a later attempt.
 * @param stored what the store has; undefined if the job does not exist any more
 */
type OnLost = (id: string, stored: Job | undefined) => void;

/** The newest records that the store does not have yet, and their writes. */
export class RecordWrites {
  readonly #store: JobStore;
  readonly #calls: StoreCalls;
  readonly #background: BackgroundWork;
  readonly #onLost: OnLost;
  readonly #unwritten = new Map<string, Job>();
  /** Jobs whose newest record only has progress: it is stored later. */
  readonly #noted = new Set<string>();
  #noteTimer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(store: JobStore, calls: StoreCalls, background: BackgroundWork, onLost: OnLost) {
    this.#store = store;
    this.#calls = calls;
    this.#background = background;
    this.#onLost = onLost;
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

  /** Resolves when the store has all changes of a job, or none of them can be written any more, or after `stop`. */
  async whenWritten(id: string): Promise<void> {
    for (let failures = 0; !this.#isStopped; failures += 1) {
      try {
        await this.#calls.once(() => this.#write(id));
        return;
      } catch {
        await this.#calls.pause(failures);
      }
    }
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

  /** Writes the newest record of a job, even if this runs later than planned. */
  async #write(id: string): Promise<void> {
    let record = this.#unwritten.get(id);
    if (!record) return;
    let found: Job | undefined;
    const updated = await this.#store.update(id, (stored) => {
      record = this.#unwritten.get(id);
      found = stored;
      if (!record || !isOutdated(record, stored)) return record;
      // Whoever cancels a job means every attempt.
      return record.status === 'cancelled' ? transitions.cancel(stored, record.finishedTime) : undefined;
    });
    if (this.#unwritten.get(id) === record) this.#unwritten.delete(id);
    // An end may be this one, from a call whose response was lost.
    if (record && !updated && !isFinished(record)) this.#onLost(id, found);
  }
}

/** Whether the stored record is newer: an end is final, and a later attempt belongs to another server. */
export function isOutdated(record: Job, stored: Job): boolean {
  return isFinished(stored) || stored.attempts > record.attempts;
}
