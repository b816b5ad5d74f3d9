import { setImmediate as nextTurn } from 'node:timers/promises';
import { v4 as uuid } from 'uuid';
import { AppError, type ErrorCategory } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import {
  type CompletedJob,
  type FinishedJob,
  isFinished,
  type Job,
  type JobFailure,
  type JobRequest,
  type JobResult,
  type ProcessingJob,
} from './Job.js';
import { JobEvents } from './JobEvents.js';
import { logFields, logJobEnd } from './jobLog.js';
import { PendingQueue } from './PendingQueue.js';
import { ResultShelf } from './ResultShelf.js';
import type { BlobStore, JobStore } from './stores.js';
import * as transitions from './transitions.js';

export interface JobLimits {
  /** Bytes of results kept. */
  readonly maxResultBytes: number;
  /** How long a finished job is kept, ms. */
  readonly lifetimeMs: number;
}

/** Jobs that are forgotten in one turn of the event loop. */
const CLEANUP_BATCH = 500;

const uploadKey = (id: string) => `${id}/upload`;

/**
 * The rules of a job's life: what may follow on what, once. Records and bytes lie in the stores; who waits, who
 * is next and what a job's end sets off is decided here.
 */
export class JobManager {
  /** Jobs that wait for an instance. */
  readonly queue = new PendingQueue();
  readonly events = new JobEvents();
  readonly #store: JobStore;
  readonly #blobs: BlobStore;
  readonly #results: ResultShelf;
  readonly #limits: JobLimits;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #isDraining = false;

  constructor(stores: { jobs: JobStore; blobs: BlobStore }, limits: JobLimits, clock: Clock, logger: Logger) {
    this.#store = stores.jobs;
    this.#blobs = stores.blobs;
    this.#results = new ResultShelf(stores.blobs, limits.maxResultBytes, (id) =>
      this.events.resultDropped(id),
    );
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

  /** Takes a new job. Ask `Admission` first. */
  async create(request: JobRequest, image: Buffer): Promise<Job> {
    const now = this.#clock.now();
    const job: Job = {
      id: uuid(),
      status: 'pending',
      request,
      createdTime: now,
      updatedTime: now,
      attempts: 0,
      progress: 0,
      failedTries: [],
    };
    await this.#blobs.put(uploadKey(job.id), image);
    await this.#store.insert(job);
    this.queue.push({ id: job.id, type: request.type, bytes: request.imageSize, tried: new Set() });
    this.#logger.info('Job accepted', {
      ...logFields(job),
      imageSize: request.imageSize,
      queued: this.queue.size,
    });
    this.events.changed(job);
    this.events.pending();
    return job;
  }

  async get(id: string): Promise<Job> {
    const job = await this.#store.get(id);
    if (!job) throw this.noSuchJob(id);
    return job;
  }

  noSuchJob(id: string): AppError {
    return new AppError('JOB_NOT_FOUND', `There is no job ${id.slice(0, 64)}.`);
  }

  list: JobStore['list'] = (filter, page) => this.#store.list(filter, page);

  counts: JobStore['counts'] = () => this.#store.counts();

  /** The upload of a job that is not finished. */
  async upload(id: string): Promise<Buffer> {
    const bytes = await this.#blobs.get(uploadKey(id));
    if (!bytes) throw new AppError('INTERNAL_ERROR', 'The upload is gone.');
    return bytes;
  }

  /**
   * A completed job with its image.
   * @throws AppError `JOB_NOT_FOUND`, `JOB_NOT_COMPLETED` or `RESULT_EXPIRED`
   */
  async result(id: string): Promise<{ job: CompletedJob; image: Buffer }> {
    const job = await this.get(id);
    if (job.status !== 'completed') {
      throw new AppError('JOB_NOT_COMPLETED', `The job is ${job.status}, not completed.`, {
        fields: { job_id: id, status: job.status },
      });
    }
    const image = await this.#results.get(id);
    if (!image) {
      throw new AppError('RESULT_EXPIRED', 'The result was dropped to make room for newer ones.', {
        fields: { job_id: id },
      });
    }
    return { job, image };
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

  /** processing → completed. */
  async complete(id: string, result: JobResult, image: Buffer): Promise<void> {
    await this.#results.put(id, image);
    const completed = await this.#change(id, (job, now) => transitions.complete(job, now, result));
    if (completed) await this.#finish(completed);
    else await this.#results.delete(id);
  }

  /** pending or processing → failed. */
  async fail(id: string, failure: JobFailure): Promise<void> {
    const failed = await this.#change(id, (job, now) => transitions.fail(job, now, failure));
    if (failed) await this.#finish(failed);
  }

  /** processing → pending, before all that wait: another instance is to try. */
  async requeue(id: string, because: ErrorCategory): Promise<void> {
    await this.#change(id, (job, now) => transitions.requeue(job, now, because));
    await this.putBack(id);
  }

  /** A job that was taken from the queue and is pending goes back to its front. */
  async putBack(id: string): Promise<void> {
    const job = await this.#store.get(id);
    if (job?.status !== 'pending') return;
    const { request, failedTries } = job;
    const tried = new Set(failedTries.map(({ instance }) => instance));
    this.queue.putBack({ id, type: request.type, bytes: request.imageSize, tried });
    this.events.pending();
  }

  /**
   * pending or processing → cancelled. The record changes at once; whoever runs the job hears of it by `onFinished`.
   * @throws AppError `JOB_NOT_FOUND` or `JOB_ALREADY_FINISHED`
   */
  async cancel(id: string): Promise<Job> {
    const cancelled = await this.#change(id, transitions.cancel);
    if (cancelled) {
      await this.#finish(cancelled);
      return cancelled;
    }
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
    await this.#forget(id);
  }

  /** Forgets the finished jobs whose lifetime is over. Pending and processing ones never expire. */
  async cleanup(): Promise<number> {
    const ids = await this.#store.finishedUntil(this.#clock.now() - this.#limits.lifetimeMs);
    for (const [n, id] of ids.entries()) {
      await this.#forget(id);
      // Awaiting what is in memory lets nobody else run: many thousands at once would hold up every request.
      if (n % CLEANUP_BATCH === CLEANUP_BATCH - 1) await nextTurn();
    }
    if (ids.length > 0) this.#logger.info('Expired jobs removed', { jobs: ids.length });
    return ids.length;
  }

  /**
   * Resolves with the job once it is finished, or as it is when `signal` is aborted or the server starts to drain
   * before it was begun.
   */
  async whenFinished(id: string, signal: AbortSignal): Promise<Job> {
    const job = await this.get(id);
    if (isFinished(job)) return job;
    await this.events.wait(id, () => this.queue.position(id) > 0, signal);
    return this.get(id);
  }

  async #change<T extends Job>(
    id: string,
    transition: (job: Job, now: number) => T | undefined,
  ): Promise<T | undefined> {
    let changed: T | undefined;
    await this.#store.update(id, (job) => {
      changed = transition(job, this.#clock.now());
      return changed;
    });
    if (changed) this.events.changed(changed);
    return changed;
  }

  /** What a job's end sets off. Runs once a job: a finished one does not change any more. */
  async #finish(job: FinishedJob): Promise<void> {
    this.queue.remove(job.id);
    await this.#blobs.delete(uploadKey(job.id));
    logJobEnd(this.#logger, job);
    this.events.finished(job);
  }

  async #forget(id: string): Promise<void> {
    await this.#store.delete(id);
    await this.#results.delete(id);
    await this.#blobs.delete(uploadKey(id));
    this.events.removed(id);
  }
}
