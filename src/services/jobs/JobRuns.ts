import { LeavePrompt } from '../comfyui/LeavePrompt.js';
import type { Releasable, Taken } from '../queue/JobQueue.js';
import type { BackgroundWork } from './BackgroundWork.js';
import type { FailedTry, Job, LeftPrompt, ProcessingJob } from './Job.js';
import type { JobChanges } from './JobChanges.js';
import type { JobRecords, OnLost } from './JobRecords.js';
import { queueEntry } from './queueEntry.js';
import * as transitions from './transitions.js';

/** Moves jobs from the queue to an instance and, for a retry, back. */
export class JobRuns {
  readonly #records: JobRecords;
  readonly #changes: JobChanges;
  readonly #background: BackgroundWork;
  #onLeft: (left: readonly LeftPrompt[]) => void = () => undefined;

  constructor(parts: { records: JobRecords; changes: JobChanges; background: BackgroundWork }) {
    this.#records = parts.records;
    this.#changes = parts.changes;
    this.#background = parts.background;
  }

  /** Ids of the pending jobs, oldest first. */
  waiting(): string[] {
    return [...this.#records.allLive()].flatMap(({ id, status }) => (status === 'pending' ? [id] : []));
  }

  /**
   * pending → processing, for a job from the queue. A job of a server that has ended continues with the prompt that the server
   * left behind. Undefined if the job is no longer pending.
   */
  begin(id: string, instance: string): Promise<ProcessingJob | undefined> {
    return this.#changes.hold(id, (job, now) => {
      const pending = this.#records.isShared ? transitions.handOver(job, now) : job;
      return pending && transitions.begin(pending, now, instance);
    });
  }

  /** processing → pending, with its prompt left on the machine: another server continues it. */
  async handOver(id: string): Promise<void> {
    await this.#changes.change(id, transitions.handOver);
  }

  /**
   * If servers share jobs: the prompt's id is recorded before the machine has the prompt, so that another server
   * finds it.
   * @throws LeavePrompt if the job is no longer this server's
   */
  async announcePrompt(id: string, promptId: string): Promise<void> {
    const announced = await this.#changes.confirm(id, (job, now) =>
      transitions.withPrompt(job, now, promptId),
    );
    if (!announced) throw new LeavePrompt();
  }

  /** Resolves when all of the job is recorded, however long that takes. */
  async whenRecorded(id: string): Promise<void> {
    await this.#records.writes.whenWritten(id);
  }

  /** The attempt continues the prompt of an earlier one, perhaps on another machine than assigned. */
  resume(id: string, earlier: FailedTry): void {
    this.#changes.note(id, (job, now) => transitions.resume(job, now, earlier));
  }

  async recordPrompt(id: string, promptId: string): Promise<void> {
    await this.#changes.change(id, (job, now) => transitions.withPrompt(job, now, promptId));
  }

  recordProgress(id: string, percentage: number, currentNode: string | undefined): void {
    this.#changes.note(id, (job, now) => transitions.withProgress(job, now, percentage, currentNode));
  }

  /** processing → pending for a retry on another instance. `settle` requeues it. */
  async requeue(id: string, because: transitions.TryEnd): Promise<void> {
    const requeued = (job: Job, now: number) => transitions.requeue(job, now, because);
    // If servers share jobs, nobody may see a change that the store does not allow.
    if (this.#records.isShared) await this.#changes.confirm(id, requeued);
    else await this.#changes.change(id, requeued);
  }

  /** What the store has about a job, as it was read or told: if another server has ended it or taken it, it is lost here. */
  learn(id: string, stored: Job | undefined): void {
    this.#records.learn(id, stored);
  }

  /** Whether this server held the job and recorded its end in the shared store. */
  hasEnded(id: string): boolean {
    return this.#records.hasEnded(id);
  }

  /** The record of a job in the shared store, as it is now. @throws the rejection of the store */
  stored(id: string): Promise<Job | undefined> {
    return this.#records.stored(id);
  }

  /**
   * Whether another server has ended a job that this one runs, or taken it, according to the store. Waits for an unavailable
   * store. Never rejects.
   */
  isLost(id: string): Promise<boolean> {
    return this.#records.isLost(id);
  }

  /** Sets the function that stops the attempts of lost jobs. */
  whenLost(listener: OnLost): void {
    this.#records.whenLost(listener);
  }

  /** Sets the function that takes back what earlier attempts of jobs left on machines, when the jobs have ended. */
  whenLeft(listener: (left: readonly LeftPrompt[]) => void): void {
    this.#onLeft = listener;
  }

  /** A job has ended whose earlier attempts left these prompts on machines. */
  tellLeft(left: readonly LeftPrompt[]): void {
    this.#onLeft(left);
  }

  /**
   * Ends the hold of an entry: if its job has not ended, it returns to the front of the queue, otherwise it is removed.
   * Never rejects: a failure is repeated later.
   */
  async settle(taken: Taken<Releasable>): Promise<void> {
    const { id } = taken.entry;
    const { isShared } = this.#records;
    const attempt = this.#records.live(id)?.attempts;
    const settle = async () => {
      // If this is repeated after the hold has expired, the job may have its next attempt here, which ends its own hold.
      const live = this.#records.live(id);
      if (isShared && live && live.attempts !== attempt) return;
      // A job that has not ended must be in the records or in the queue.
      if (isShared) await this.#records.writes.flush(id);
      const isToBeRead = isShared && !this.#records.hasEnded(id);
      const job = live ?? (isToBeRead ? await this.#records.get(id) : undefined);
      // Whoever takes the entry of a job that is still processing continues it.
      const pending = job && (isShared ? transitions.handOver(job, job.updatedTime) : job);
      if (pending?.status === 'pending') await taken.putBack(queueEntry(pending));
      else await taken.done();
      if (isShared) this.#records.release(id);
    };
    try {
      await settle();
    } catch (error) {
      this.#background.retry(`settle ${id}`, settle, error);
    }
  }
}
