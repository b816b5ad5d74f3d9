import { AppError, reasonOf } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import type { Content } from '../../utils/StoredFile.js';
import { isEndedGraph } from '../../workflows/files/endedGraph.js';
import type { JobEvents } from '../queue/JobEvents.js';
import type { JobQueue } from '../queue/JobQueue.js';
import type { JobStore } from '../queue/JobStore.js';
import { BackgroundWork } from './BackgroundWork.js';
import type { BlobStore } from './BlobStore.js';
import { EndWaits } from './EndWaits.js';
import { RESULT_NOT_STORED } from './failures.js';
import {
  type FailedJob,
  isFinished,
  type Job,
  type JobFailure,
  type JobResult,
  type ProcessingJob,
} from './Job.js';
import { JobBlobs } from './JobBlobs.js';
import { JobChanges } from './JobChanges.js';
import { JobFigures } from './JobFigures.js';
import { JobInputs } from './JobInputs.js';
import { JobIntake } from './JobIntake.js';
import { JobOutputs } from './JobOutputs.js';
import { JobRecords } from './JobRecords.js';
import { JobRemovals } from './JobRemovals.js';
import { JobResults, ResultNotStored } from './JobResults.js';
import { JobRuns } from './JobRuns.js';
import { promptsUnderWay } from './promptsUnderWay.js';
import { ResultShelf } from './ResultShelf.js';
import { STORE_TIMINGS, StoreCalls } from './StoreCalls.js';
import * as transitions from './transitions.js';

export interface JobLimits {
  /** Bytes of what is kept of finished jobs in memory. */
  readonly maxResultBytes: number;
  /** Whether results are in memory. Default: true. */
  readonly keepsResultsInMemory?: boolean;
  /** How long a finished job is kept, ms. */
  readonly lifetimeMs: number;
}

/**
 * The rules of a job's life: which state may follow which, once. Records and bytes are in the stores; who waits, who
 * is next and what follows from a job's end is decided here. A store that fails stops none of it: an end is recorded,
 * then everyone is notified, and leftovers are deleted when the store works again.
 */
export class JobManager {
  /** Jobs that wait for an instance. */
  readonly queue: JobQueue;
  readonly events: JobEvents;
  /** For monitoring. */
  readonly figures: JobFigures;
  /** Creates jobs. */
  readonly intake: JobIntake;
  /** Changes of jobs that are taken from the queue. */
  readonly runs: JobRuns;
  /** Reads the outputs of jobs. */
  readonly outputs: JobOutputs;
  /** Stores the outputs of jobs. */
  readonly results: JobResults;
  /** Removes jobs. */
  readonly removals: JobRemovals;
  readonly #background: BackgroundWork;
  readonly #records: JobRecords;
  readonly #changes: JobChanges;
  readonly #waits: EndWaits;
  /** Files of unfinished jobs. */
  readonly inputs: JobInputs;
  readonly #logger: Logger;

  constructor(
    parts: { jobs: JobStore; queue: JobQueue; events: JobEvents; blobs: BlobStore; isShared?: boolean },
    limits: JobLimits,
    clock: Clock,
    logger: Logger,
    timings = STORE_TIMINGS,
  ) {
    const { queue, events } = parts;
    this.queue = queue;
    this.events = events;
    const calls = new StoreCalls(timings);
    const background = new BackgroundWork(calls, logger);
    this.#background = background;
    const records = new JobRecords(parts.jobs, calls, background, parts.isShared === true);
    // Ended by another server while it ran here.
    if (records.isShared) events.subscribe('finished', (job) => records.learn(job.id, job));
    this.#records = records;
    this.inputs = new JobInputs(new JobBlobs('input', parts.blobs, calls, background));
    const results = new JobBlobs('output', parts.blobs, calls, background);
    const onDropped = (id: string) => events.publish('resultDropped', { id });
    const shelf = new ResultShelf(
      results,
      { maxBytes: limits.maxResultBytes, isInMemory: limits.keepsResultsInMemory ?? true },
      onDropped,
    );
    const changes = new JobChanges({ records, events, queue, background, clock, logger }, (job, left) => {
      this.inputs.delete(job);
      if (left.length > 0) this.runs.tellLeft(left);
      const { workflow } = job.request;
      if (isEndedGraph(workflow)) shelf.keepBeside(job.id, 'graph', workflow.kept);
    });
    this.#changes = changes;
    this.runs = new JobRuns({ records, changes, background });
    this.figures = new JobFigures(queue, () => this.counts());
    this.removals = new JobRemovals({ records, changes, events, clock, logger }, limits.lifetimeMs, (job) =>
      shelf.delete(job),
    );
    const { inputs, removals } = this;
    this.intake = new JobIntake({ records, inputs, queue, events, removals, clock, logger });
    this.#waits = new EndWaits(events, (id) => this.get(id));
    this.outputs = new JobOutputs((id) => this.get(id), shelf);
    this.results = new JobResults({ records, changes, shelf });
    this.#logger = logger;
  }

  /** Whether other servers have the same jobs. */
  get isShared(): boolean {
    return this.#records.isShared;
  }

  /** Whether new jobs are rejected because the server shuts down. */
  get isDraining(): boolean {
    return this.#waits.isDraining;
  }

  /** Rejects new jobs from now on. */
  drain(): void {
    this.#waits.drain();
  }

  /** Retries the pending operations of the stores one last time. */
  async stop(): Promise<void> {
    this.#records.stop();
    await this.#background.stop();
  }

  /** Number of operations that the stores have not done so far, such as failed deletions. */
  get leftToDo(): number {
    return this.#background.size;
  }

  async get(id: string): Promise<Job> {
    const job = await this.#records.get(id);
    if (!job) throw this.noSuchJob(id);
    return job;
  }

  /** Whether the job has a record. @throws the rejection of the store */
  async has(id: string): Promise<boolean> {
    return (await this.#records.get(id)) !== undefined;
  }

  noSuchJob(id: string): AppError {
    return new AppError('JOB_NOT_FOUND', `There is no job ${id.slice(0, 64)}.`);
  }

  list: JobStore['list'] = (filter, page) => this.#records.list(filter, page);

  counts: JobStore['counts'] = () => this.#records.counts();

  /**
   * processing → completed; → failed if the result cannot be stored. A result counts even if another server has begun a later
   * attempt.
   * @param attempt that made the result
   * @param contents bytes of the result's outputs, in their order. The caller continues to hold stored ones
   */
  async complete(attempt: ProcessingJob, result: JobResult, contents: readonly Content[]): Promise<void> {
    try {
      await this.results.complete(attempt, result, contents);
    } catch (error) {
      if (!(error instanceof ResultNotStored)) throw error;
      await this.failUnstored(attempt, error.cause);
    }
  }

  /** processing → failed, because the store rejected the result. */
  async failUnstored(attempt: ProcessingJob, because: unknown): Promise<void> {
    this.#logger.error('A result could not be stored', { jobId: attempt.id, error: reasonOf(because) });
    await this.failAttempt(attempt, RESULT_NOT_STORED);
  }

  /** pending → failed. @returns undefined if the job has begun or ended */
  failPending(id: string, failure: JobFailure): Promise<FailedJob | undefined> {
    return this.#changes.end(id, (job, now) =>
      job.status === 'pending' ? transitions.fail(job, now, failure) : undefined,
    );
  }

  /** pending or processing → failed. */
  async fail(id: string, failure: JobFailure): Promise<void> {
    await this.#changes.end(id, (job, now) => transitions.fail(job, now, failure));
  }

  /** pending → failed, if the job never began. Otherwise it is too late to give up. */
  async expire(id: string, failure: JobFailure): Promise<void> {
    await this.#changes.end(id, (job, now) => transitions.expire(job, now, failure));
  }

  /** processing → failed, unless another server has begun a later attempt. */
  async failAttempt({ id, attempts }: ProcessingJob, failure: JobFailure): Promise<void> {
    await this.#changes.end(id, (job, now) =>
      job.attempts === attempts ? transitions.fail(job, now, failure) : undefined,
    );
  }

  /**
   * pending or processing → cancelled. The record changes immediately; the running attempt is notified.
   * @throws AppError `JOB_NOT_FOUND` or `JOB_ALREADY_FINISHED`
   */
  async cancel(id: string): Promise<Job> {
    const cancelled = await this.#changes.end(id, transitions.cancel);
    if (cancelled) return cancelled;
    const job = await this.get(id);
    throw new AppError('JOB_ALREADY_FINISHED', `The job is already ${job.status}.`, {
      fields: { job_id: id, status: job.status },
    });
  }

  /**
   * Removes a job and its bytes; an unfinished one is cancelled first.
   * @throws AppError `JOB_NOT_FOUND`, and the rejection of the store; the job is kept then
   */
  async remove(id: string): Promise<void> {
    const job = await this.get(id);
    if (!isFinished(job)) await this.cancel(id).catch(throwUnlessEnded);
    await this.removals.forget(id, 'deleted');
  }

  /** Removes expired jobs. @returns how many */
  cleanup(): Promise<number> {
    return this.removals.forgetExpired();
  }

  /** Ids of the prompts that servers with the same jobs continue; none if this server has them for itself. */
  promptsUnderWay(): Promise<ReadonlySet<string>> {
    return promptsUnderWay(this.#records);
  }

  /**
   * Resolves with the job when it is finished, or as it is if `signal` is aborted or the server starts to drain before the job
   * has started.
   */
  whenFinished(id: string, signal: AbortSignal): Promise<Job> {
    return this.#waits.wait(id, signal);
  }
}

/** A job may end, or be removed, just before it is cancelled. */
function throwUnlessEnded(error: unknown): void {
  const isEnded =
    error instanceof AppError && (error.code === 'JOB_ALREADY_FINISHED' || error.code === 'JOB_NOT_FOUND');
  if (!isEnded) throw error;
}
