import { setImmediate as nextTurn } from 'node:timers/promises';
import { v4 as uuid } from 'uuid';
import { AppError, messageOf } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import type { Content } from '../../utils/StoredFile.js';
import { BackgroundWork } from './BackgroundWork.js';
import type { BlobStore } from './BlobStore.js';
import {
  type FailedTry,
  type FinishedJob,
  isFinished,
  type Job,
  type JobFailure,
  type JobFile,
  type JobRequest,
  type JobResult,
  type PendingJob,
  type ProcessingJob,
  sizesOfFiles,
} from './Job.js';
import { JobBlobs } from './JobBlobs.js';
import { JobEvents, type RemovalReason } from './JobEvents.js';
import { JobOutputs } from './JobOutputs.js';
import { JobRecords } from './JobRecords.js';
import { logFields, logJobEnd } from './jobLog.js';
import { PendingQueue, type QueueEntry } from './PendingQueue.js';
import { ResultShelf } from './ResultShelf.js';
import { STORE_TIMINGS, StoreCalls } from './StoreCalls.js';
import type { JobStore } from './stores.js';
import * as transitions from './transitions.js';

export interface JobLimits {
  /** Bytes of results kept. */
  readonly maxResultBytes: number;
  /** How long a finished job is kept, ms. */
  readonly lifetimeMs: number;
}

/** Jobs that are forgotten in one turn of the event loop. */
const CLEANUP_BATCH = 500;

const RESULT_NOT_STORED: JobFailure = {
  message: 'The result could not be stored.',
  code: 'INTERNAL_ERROR',
  category: 'internal',
  details: undefined,
};

/**
 * The rules of a job's life: what may follow on what, once. Records and bytes lie in the stores; who waits, who
 * is next and what a job's end sets off is decided here. A store that fails stops none of it: an end is recorded,
 * then everyone is told, and what is left over is deleted when the store works again.
 */
export class JobManager {
  /** Jobs that wait for an instance. */
  readonly queue = new PendingQueue();
  readonly events: JobEvents;
  /** What completed jobs made. */
  readonly outputs: JobOutputs;
  readonly #background: BackgroundWork;
  readonly #records: JobRecords;
  readonly #inputs: JobBlobs;
  readonly #results: ResultShelf;
  readonly #limits: JobLimits;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Ends that were decided and that not everyone was told of yet. */
  readonly #ends = new Map<string, Promise<void>>();
  #isDraining = false;

  constructor(
    stores: { jobs: JobStore; blobs: BlobStore },
    limits: JobLimits,
    clock: Clock,
    logger: Logger,
    timings = STORE_TIMINGS,
  ) {
    this.events = new JobEvents(logger);
    const calls = new StoreCalls(timings);
    const background = new BackgroundWork(calls, logger);
    this.#background = background;
    this.#records = new JobRecords(stores.jobs, calls, background);
    this.#inputs = new JobBlobs('input', stores.blobs, calls, background);
    const results = new JobBlobs('output', stores.blobs, calls, background);
    this.#results = new ResultShelf(results, limits.maxResultBytes, (id) => this.events.resultDropped(id));
    this.outputs = new JobOutputs((id) => this.get(id), this.#results);
    this.#limits = limits;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Whether new jobs are refused because the server ends. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Refuses new jobs from now on. */
  drain(): void {
    this.#isDraining = true;
    this.events.draining();
  }

  /** Tries a last time what the stores did not do so far. */
  async stop(): Promise<void> {
    await this.#background.stop();
  }

  /** How much the stores have not done so far, such as deletions that failed. */
  get leftToDo(): number {
    return this.#background.size;
  }

  /**
   * Takes a new job. Ask `Admission` first.
   * @param files bytes of the request's files, by the same names. What is stored already, whoever calls goes on to hold
   * @throws what a store rejects with; nothing is left of the job then
   */
  async create(request: JobRequest, files: ReadonlyMap<string, Content>): Promise<Job> {
    const now = this.#clock.now();
    const id = uuid();
    const keys = await this.#inputs.put(id, files);
    const job: PendingJob = {
      id,
      status: 'pending',
      request: withKeys(request, keys),
      createdTime: now,
      updatedTime: now,
      attempts: 0,
      progress: 0,
      failedTries: [],
    };
    try {
      await this.#records.insert(job);
    } catch (error) {
      this.#inputs.delete(job.id);
      throw error;
    }
    const entry = queueEntry(job);
    this.queue.push(entry);
    this.#logger.info('Job accepted', {
      ...logFields(job),
      imageSize: entry.bytes,
      queued: this.queue.size,
    });
    this.events.changed(job);
    this.events.pending();
    return job;
  }

  async get(id: string): Promise<Job> {
    const job = await this.#records.get(id);
    if (!job) throw this.noSuchJob(id);
    return job;
  }

  noSuchJob(id: string): AppError {
    return new AppError('JOB_NOT_FOUND', `There is no job ${id.slice(0, 64)}.`);
  }

  list: JobStore['list'] = (filter, page) => this.#records.list(filter, page);

  counts: JobStore['counts'] = () => this.#records.counts();

  /** A file of a job that is not finished, all of it in memory: for images. */
  async file(file: JobFile): Promise<Buffer> {
    const bytes = await this.#inputs.whole(file);
    if (!bytes) throw fileGone();
    return bytes;
  }

  /** As `file`, without the bytes where they are not in memory. */
  async storedFile(file: JobFile): Promise<Content> {
    const content = await this.#inputs.get(file);
    if (!content) throw fileGone();
    return content;
  }

  /** pending → processing. undefined when the job is not pending any more. */
  begin(id: string, instance: string): Promise<ProcessingJob | undefined> {
    return this.#change(id, (job, now) => transitions.begin(job, now, instance));
  }

  async recordPrompt(id: string, promptId: string): Promise<void> {
    await this.#change(id, (job, now) => transitions.withPrompt(job, now, promptId));
  }

  async recordProgress(id: string, percentage: number, currentNode: string | undefined): Promise<void> {
    await this.#change(id, (job, now) => transitions.withProgress(job, now, percentage, currentNode));
  }

  /**
   * processing → completed; → failed where the result cannot be stored.
   * @param contents bytes of the result's outputs, in their order. What is stored already, whoever calls goes on to hold
   */
  async complete(id: string, result: JobResult, contents: readonly Content[]): Promise<void> {
    let keys: readonly string[];
    try {
      keys = await this.#results.put(id, contents);
    } catch (error) {
      await this.failUnstored(id, error);
      return;
    }
    const [first, ...others] = result.outputs;
    const kept: JobResult = {
      ...result,
      outputs: [{ ...first, key: keys[0] }, ...others.map((one, n) => ({ ...one, key: keys[n + 1] }))],
    };
    const completed = await this.#end(id, (job, now) => transitions.complete(job, now, kept));
    if (!completed) this.#results.delete(id);
  }

  /** processing → failed, since the store did not take the result. */
  async failUnstored(id: string, because: unknown): Promise<void> {
    this.#logger.error('A result could not be stored', { jobId: id, error: messageOf(because) });
    await this.fail(id, RESULT_NOT_STORED);
  }

  /** pending or processing → failed. */
  async fail(id: string, failure: JobFailure): Promise<void> {
    await this.#end(id, (job, now) => transitions.fail(job, now, failure));
  }

  /** processing → pending, before all that wait: another instance is to try. */
  async requeue(id: string, because: Omit<FailedTry, 'instance'>): Promise<void> {
    await this.#change(id, (job, now) => transitions.requeue(job, now, because));
    this.putBack(id);
  }

  /** A job that was taken from the queue and is pending goes back to its front. */
  putBack(id: string): void {
    const job = this.#records.live(id);
    if (job?.status !== 'pending') return;
    this.queue.putBack(queueEntry(job));
    this.events.pending();
  }

  /**
   * pending or processing → cancelled. The record changes at once; whoever runs the job hears of it by `onFinished`.
   * @throws AppError `JOB_NOT_FOUND` or `JOB_ALREADY_FINISHED`
   */
  async cancel(id: string): Promise<Job> {
    const cancelled = await this.#end(id, transitions.cancel);
    if (cancelled) return cancelled;
    const job = await this.get(id);
    throw new AppError('JOB_ALREADY_FINISHED', `The job is ${job.status} already.`, {
      fields: { job_id: id, status: job.status },
    });
  }

  /** Forgets a job and its bytes; one that is not finished is cancelled first. */
  async remove(id: string): Promise<void> {
    const job = await this.get(id);
    // It may finish by itself in between, which is as good.
    if (!isFinished(job)) await this.cancel(id).catch(() => undefined);
    await this.#forget(id, 'deleted');
  }

  /** Forgets the finished jobs whose lifetime is over. Pending and processing ones never expire. */
  async cleanup(): Promise<number> {
    const ids = await this.#records.finishedUntil(this.#clock.now() - this.#limits.lifetimeMs);
    for (let n = 0; n < ids.length; n += CLEANUP_BATCH) {
      // Awaiting what is in memory lets nobody else run: many thousands at once would hold up every request.
      if (n > 0) await nextTurn();
      const batch = ids.slice(n, n + CLEANUP_BATCH);
      await Promise.all(batch.map((id) => this.#forget(id, 'expired')));
    }
    if (ids.length > 0) this.#logger.info('Expired jobs removed', { jobs: ids.length });
    return ids.length;
  }

  /**
   * Resolves with the job once it is finished, or as it is when `signal` is aborted or the server starts to drain
   * before it was begun.
   */
  async whenFinished(id: string, signal: AbortSignal): Promise<Job> {
    const isWaiting = () => this.queue.position(id) > 0;
    // Nothing may come between the look and the wait: an end is told once.
    if (this.#records.live(id) && !(this.#isDraining && isWaiting())) {
      const ended = await this.events.wait(id, isWaiting, signal);
      if (ended) return ended;
    }
    return this.get(id);
  }

  /** A change that is not the job's end. Everyone hears of it at once: nothing may come in between. */
  async #change<T extends Job>(
    id: string,
    transition: (job: Job, now: number) => T | undefined,
  ): Promise<T | undefined> {
    const change = this.#records.change(id, (job) => transition(job, this.#clock.now()));
    if (!change) return undefined;
    this.events.changed(change.record);
    await change.written;
    return change.record;
  }

  /** Ends a job and does what its end sets off, once a job: one that has ended does not change any more. */
  async #end<T extends FinishedJob>(
    id: string,
    transition: (job: Job, now: number) => T | undefined,
  ): Promise<T | undefined> {
    const change = this.#records.change(id, (job) => transition(job, this.#clock.now()));
    if (!change) return undefined;
    // Nobody may begin it while the store hears of its end.
    this.queue.remove(id);
    const told = change.written.then(() => this.#tellEnd(change.record));
    this.#ends.set(id, told);
    await told;
    return change.record;
  }

  #tellEnd(job: FinishedJob): void {
    this.#ends.delete(job.id);
    logJobEnd(this.#logger, job);
    this.events.changed(job);
    this.events.finished(job);
    this.#inputs.delete(job.id);
  }

  async #forget(id: string, why: RemovalReason): Promise<void> {
    // Who hears of a job that is forgotten has heard of its end.
    await this.#ends.get(id);
    await this.#records.delete(id);
    this.#results.delete(id);
    this.events.removed(id, why);
  }
}

function fileGone(): AppError {
  return new AppError('INTERNAL_ERROR', 'A file of the job is gone.');
}

/** What jobs have of files, with the keys of the bytes. */
function withKeys(request: JobRequest, keys: ReadonlyMap<string, string>): JobRequest {
  const files = Object.entries(request.files).map(([name, file]) => [name, { ...file, key: keys.get(name) }]);
  return { ...request, files: Object.fromEntries(files) };
}

function queueEntry({ id, request, failedTries }: PendingJob): QueueEntry {
  const { total, largest } = sizesOfFiles(request);
  const tried = new Set(failedTries.map(({ instance }) => instance));
  return { id, type: request.type, bytes: total, largest, tried };
}
