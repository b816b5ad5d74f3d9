import { LeavePrompt } from '../comfyui/LeavePrompt.js';
import type { Releasable, Taken } from '../queue/JobQueue.js';
import type { BackgroundWork } from './BackgroundWork.js';
import type { FailedTry, ProcessingJob } from './Job.js';
import type { JobChanges } from './JobChanges.js';
import type { JobRecords } from './JobRecords.js';
import { queueEntry } from './queueEntry.js';
import * as transitions from './transitions.js';

/** A job's way from the queue to an instance and, where another one is to try, back. */
export class JobRuns {
  readonly #records: JobRecords;
  readonly #changes: JobChanges;
  readonly #background: BackgroundWork;

  constructor(parts: { records: JobRecords; changes: JobChanges; background: BackgroundWork }) {
    this.#records = parts.records;
    this.#changes = parts.changes;
    this.#background = parts.background;
  }

  /** Ids of the jobs that are still to be begun, oldest first. */
  waiting(): string[] {
    return [...this.#records.allLive()].flatMap(({ id, status }) => (status === 'pending' ? [id] : []));
  }

  /**
   * pending → processing, for a job that was taken from the queue. One that another server had, which is gone, is begun
   * again with the prompt that it left behind. undefined when the job is not pending any more.
   */
  begin(id: string, instance: string): Promise<ProcessingJob | undefined> {
    return this.#changes.hold(id, (job, now) => {
      const pending = this.#records.isShared ? transitions.handOver(job, now) : job;
      return pending && transitions.begin(pending, now, instance);
    });
  }

  /** processing → pending, with its prompt left on the machine: another server goes on with it. */
  async handOver(id: string): Promise<void> {
    await this.#changes.change(id, transitions.handOver);
  }

  /**
   * Where servers share jobs: the prompt's id is in the record before its machine has the prompt, so that whoever goes on with
   * the job after this server finds it.
   * @throws LeavePrompt when the job is not this server's any more
   */
  async announcePrompt(id: string, promptId: string): Promise<void> {
    const announced = await this.#changes.confirm(id, (job, now) =>
      transitions.withPrompt(job, now, promptId),
    );
    if (!announced) throw new LeavePrompt();
  }

  /** Resolves when nothing of the job is left to be recorded, however long that takes. */
  async whenRecorded(id: string): Promise<void> {
    await this.#records.writes.whenWritten(id);
  }

  async recordPrompt(id: string, promptId: string): Promise<void> {
    await this.#changes.change(id, (job, now) => transitions.withPrompt(job, now, promptId));
  }

  recordProgress(id: string, percentage: number, currentNode: string | undefined): void {
    this.#changes.note(id, (job, now) => transitions.withProgress(job, now, percentage, currentNode));
  }

  /** processing → pending: another instance is to try. `settle` lets it wait again. */
  async requeue(id: string, because: Omit<FailedTry, 'instance'>): Promise<void> {
    await this.#changes.change(id, (job, now) => transitions.requeue(job, now, because));
  }

  /**
   * Ends the hold of an entry: it goes back to the front of the queue where its job is pending, and else is done with. Never
   * rejects: what the queue does not do now is done later.
   */
  async settle(taken: Taken<Releasable>): Promise<void> {
    const { id } = taken.entry;
    const { isShared } = this.#records;
    const settle = async () => {
      // Nobody finds a job that has not ended in the records and is in no queue.
      if (isShared) await this.#records.writes.flush(id);
      const job = this.#records.live(id) ?? (isShared ? await this.#records.get(id) : undefined);
      if (job?.status === 'pending') await taken.putBack(queueEntry(job));
      else if (job?.status === 'processing' && isShared) await taken.putBack();
      else await taken.done();
      if (isShared) this.#records.letGo(id);
    };
    try {
      await settle();
    } catch (error) {
      this.#background.retry(`settle ${id}`, settle, error);
    }
  }
}
