import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import { endedWorkflow } from '../../workflows/files/endedGraph.js';
import type { JobEvents } from '../queue/JobEvents.js';
import type { JobQueue } from '../queue/JobQueue.js';
import type { BackgroundWork } from './BackgroundWork.js';
import { type FinishedJob, type Job, type LeftPrompt, leftPrompts } from './Job.js';
import type { JobRecords } from './JobRecords.js';
import { logJobEnd } from './jobLog.js';

/** Returns the next record of a job; undefined if the change is not allowed. @param now epoch ms */
type Transition<T extends Job> = (job: Job, now: number) => T | undefined;

/** @param left prompts that earlier attempts left on machines: nobody needs them any more */
type AfterEnd = (job: FinishedJob, left: readonly LeftPrompt[]) => void;

interface Parts {
  readonly records: JobRecords;
  readonly events: JobEvents;
  readonly queue: JobQueue;
  readonly background: BackgroundWork;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Changes of jobs. Each change is recorded, then published. */
export class JobChanges {
  readonly #parts: Parts;
  readonly #cleanUp: AfterEnd;
  /** Decided ends that are not published yet. */
  readonly #ends = new Map<string, Promise<void>>();

  /** @param cleanUp called after a job's end was published */
  constructor(parts: Parts, cleanUp: AfterEnd) {
    this.#parts = parts;
    this.#cleanUp = cleanUp;
  }

  /** Changes a job that was taken from the queue, and holds it from now on. @throws the rejection of a shared store */
  async hold<T extends Job>(id: string, transition: Transition<T>): Promise<T | undefined> {
    const { records, events } = this.#parts;
    if (!records.isShared) return this.change(id, transition);
    const record = await records.hold(id, (job) => this.#apply(transition, job));
    if (record) events.publish('changed', record);
    return record;
  }

  /** A change that is not the job's end. It is published synchronously: nothing may come in between. */
  async change<T extends Job>(id: string, transition: Transition<T>): Promise<T | undefined> {
    const { records, events } = this.#parts;
    const change = records.change(id, (job) => this.#apply(transition, job));
    if (!change) return undefined;
    events.publish('changed', change.record);
    await change.written;
    return change.record;
  }

  /** Like `change`, after the store has it, however long that takes. undefined if the job is no longer held here. */
  async confirm<T extends Job>(id: string, transition: Transition<T>): Promise<T | undefined> {
    const { records, events } = this.#parts;
    const record = await records.confirm(id, (job) => this.#apply(transition, job));
    if (record) events.publish('changed', record);
    return record;
  }

  /** Like `change`, for progress: published immediately, and stored now and then. */
  note<T extends Job>(id: string, transition: Transition<T>): void {
    const { records, events } = this.#parts;
    const record = records.note(id, (job) => this.#apply(transition, job));
    if (record) events.publish('changed', record);
  }

  /** Ends a job, once, with all consequences: a finished job never changes. */
  async end<T extends FinishedJob>(id: string, transition: Transition<T>): Promise<T | undefined> {
    const { records } = this.#parts;
    if (records.isShared) return this.#endShared(id, transition);
    const before = records.live(id);
    const change = records.change(id, (job) => {
      const record = this.#apply(transition, job);
      return record && withoutGraph(record);
    });
    if (!change) return undefined;
    // No server should take it while its end is being stored.
    if (before?.status === 'pending') this.#takeFromQueue(id);
    const told = change.written.then(() => this.#tellEnd(change.record, before));
    this.#ends.set(id, told);
    await told;
    return change.record;
  }

  /** Like `end`, for a job that any server may hold. */
  async #endShared<T extends FinishedJob>(id: string, transition: Transition<T>): Promise<T | undefined> {
    const { records } = this.#parts;
    const isHeld = records.live(id) !== undefined;
    let before: Job | undefined;
    const record = await records.end(id, (job) => {
      before = job;
      return this.#apply(transition, job);
    });
    if (!record) return undefined;
    if (before?.status === 'pending') this.#takeFromQueue(id);
    this.#tellEnd(record, before, isHeld);
    return record;
  }

  /** Resolves when the job's end is published. */
  async endTold(id: string): Promise<void> {
    await this.#ends.get(id);
  }

  /** The time of a record never goes back, although the clocks of servers may differ. */
  #apply<T extends Job>(transition: Transition<T>, job: Job): T | undefined {
    return transition(job, Math.max(this.#parts.clock.now(), job.updatedTime));
  }

  #takeFromQueue(id: string): void {
    const { queue, background } = this.#parts;
    const remove = () => queue.remove(id);
    remove().catch((error: unknown) => background.retry(`take ${id} from the queue`, remove, error));
  }

  /**
   * @param before the record that the end replaced
   * @param isHeld whether this server held the job: its attempt takes its own prompt back
   */
  #tellEnd(job: FinishedJob, before: Job | undefined, isHeld = true): void {
    const { events, logger } = this.#parts;
    this.#ends.delete(job.id);
    logJobEnd(logger, job);
    events.publish('changed', job);
    events.publish('finished', job);
    this.#cleanUp(job, before ? unneededPrompts(before, isHeld) : []);
  }
}

/** The prompts that nobody needs any more, now that the job has ended, and that nobody here takes back. */
function unneededPrompts(before: Job, isHeld: boolean): LeftPrompt[] {
  const { instance, promptId } = (before.status === 'processing' ? before.assignment : undefined) ?? {};
  const earlier = leftPrompts(before).filter((prompt) => prompt.promptId !== promptId);
  if (isHeld || instance === undefined || promptId === undefined) return earlier;
  return [...earlier, { instance, promptId, isFollowed: true }];
}

/** Packs a client's own graph. A shared store keeps it apart from the record. */
function withoutGraph<T extends FinishedJob>(job: T): T {
  const workflow = endedWorkflow(job.request.workflow);
  return workflow === job.request.workflow ? job : { ...job, request: { ...job.request, workflow } };
}
