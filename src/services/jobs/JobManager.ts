import { v4 as uuid } from 'uuid';
import { AppError, messageOf } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import type { Content } from '../../utils/StoredFile.js';
import type { JobEvents } from '../queue/JobEvents.js';
import type { JobQueue } from '../queue/JobQueue.js';
import type { JobStore } from '../queue/JobStore.js';
import { BackgroundWork } from './BackgroundWork.js';
import type { BlobStore } from './BlobStore.js';
import { EndWaits } from './EndWaits.js';
import { RESULT_NOT_STORED } from './failures.js';
import { isFinished, type Job, type JobFailure, type JobRequest, type JobResult } from './Job.js';
import { JobBlobs } from './JobBlobs.js';
import { JobChanges } from './JobChanges.js';
import { JobFigures } from './JobFigures.js';
import { JobInputs } from './JobInputs.js';
import { JobOutputs } from './JobOutputs.js';
import { JobRecords } from './JobRecords.js';
import { JobRemovals } from './JobRemovals.js';
import { JobRuns } from './JobRuns.js';
import { logFields } from './jobLog.js';
import { promptsUnderWay } from './promptsUnderWay.js';
import { queueEntry } from './queueEntry.js';
import { ResultShelf } from './ResultShelf.js';
import { STORE_TIMINGS, StoreCalls } from './StoreCalls.js';
import * as transitions from './transitions.js';

export interface JobLimits {
  /** Bytes of results kept. */
  readonly maxResultBytes: number;
  /** How long a finished job is kept, ms. */
  readonly lifetimeMs: number;
}

/**
 * The rules of a job's life: what may follow on what, once. Records and bytes lie in the stores; who waits, who
 * is next and what a job's end sets off is decided here. A store that fails stops none of it: an end is recorded,
 * then everyone is told, and what is left over is deleted when the store works again.
 */
export class JobManager {
  /** Jobs that wait for an instance. */
  readonly queue: JobQueue;
  readonly events: JobEvents;
  /** For monitoring. */
  readonly figures: JobFigures;
  /** What becomes of jobs that are taken from the queue. */
  readonly runs: JobRuns;
  /** What completed jobs made. */
  readonly outputs: JobOutputs;
  readonly #background: BackgroundWork;
  readonly #records: JobRecords;
  readonly #changes: JobChanges;
  readonly #removals: JobRemovals;
  readonly #waits: EndWaits;
  /** Files of jobs that are not finished. */
  readonly inputs: JobInputs;
  readonly #results: ResultShelf;
  readonly #clock: Clock;
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
    if (records.isShared) events.subscribe('finished', ({ id }) => records.ended(id));
    this.#records = records;
    this.inputs = new JobInputs(new JobBlobs('input', parts.blobs, calls, background));
    const results = new JobBlobs('output', parts.blobs, calls, background);
    const onDropped = (id: string) => events.publish('resultDropped', { id });
    this.#results = new ResultShelf(results, limits.maxResultBytes, onDropped);
    const changes = new JobChanges({ records, events, queue, background, clock, logger }, (job) =>
      this.inputs.delete(job),
    );
    this.#changes = changes;
    this.runs = new JobRuns({ records, changes, background });
    this.figures = new JobFigures(queue, () => this.counts());
    this.#removals = new JobRemovals({ records, changes, events, clock, logger }, limits.lifetimeMs, (job) =>
      this.#results.delete(job),
    );
    this.#waits = new EndWaits(events, (id) => this.get(id));
    this.outputs = new JobOutputs((id) => this.get(id), this.#results);
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Whether other servers have the same jobs. */
  get isShared(): boolean {
    return this.#records.isShared;
  }

  /** Whether new jobs are refused because the server ends. */
  get isDraining(): boolean {
    return this.#waits.isDraining;
  }

  /** Refuses new jobs from now on. */
  drain(): void {
    this.#waits.drain();
  }

  /** Tries a last time what the stores did not do so far. */
  async stop(): Promise<void> {
    this.#records.stop();
    await this.#background.stop();
  }

  /** How much the stores have not done so far, such as deletions that failed. */
  get leftToDo(): number {
    return this.#background.size;
  }

  /**
   * Takes a new job. Ask `Admission` first.
   * @param files bytes of the request's files, by the same names. What is stored already, whoever calls goes on to hold
   * @param onMaking where servers share jobs, called with its id before it has a record, for whoever comes again for it
   * @throws what a store or the queue rejects with; nothing is left of the job then, unless somebody comes again to adopt it
   */
  async create(
    request: JobRequest,
    files: ReadonlyMap<string, Content>,
    onMaking?: (id: string) => Promise<void>,
  ): Promise<Job> {
    const id = uuid();
    const job = transitions.accept(id, await this.inputs.put(id, request, files), this.#clock.now());
    let mayBeLeft = false;
    try {
      if (this.isShared && onMaking) {
        await onMaking(id);
        mayBeLeft = true;
      }
      await this.#records.insert(job, mayBeLeft);
    } catch (error) {
      if (!mayBeLeft) this.inputs.delete(job);
      throw error;
    }
    // Before anybody can begin it.
    this.events.publish('changed', job);
    const entry = queueEntry(job);
    try {
      const queued = await this.queue.add(entry);
      this.#logger.info('Job accepted', { ...logFields(job), imageSize: entry.bytes, queued });
    } catch (error) {
      if (mayBeLeft) throw error;
      this.inputs.delete(job);
      await this.#removals.forget(job.id, 'deleted');
      throw error;
    }
    return job;
  }

  /**
   * A job that somebody comes again for, if it was made: whoever made it may have died before it was in the queue.
   * @throws what a store or the queue rejects with
   */
  async adopt(id: string): Promise<Job | undefined> {
    const job = await this.#records.get(id);
    if (job?.status === 'pending') await this.queue.add(queueEntry(job));
    return job;
  }

  async get(id: string): Promise<Job> {
    const job = await this.#records.get(id);
    if (!job) throw this.noSuchJob(id);
    return job;
  }

  /** Whether the job has a record. @throws what the store rejects with */
  async has(id: string): Promise<boolean> {
    return (await this.#records.get(id)) !== undefined;
  }

  noSuchJob(id: string): AppError {
    return new AppError('JOB_NOT_FOUND', `There is no job ${id.slice(0, 64)}.`);
  }

  list: JobStore['list'] = (filter, page) => this.#records.list(filter, page);

  counts: JobStore['counts'] = () => this.#records.counts();

  /**
   * processing → completed; → failed where the result cannot be stored.
   * @param contents bytes of the result's outputs, in their order. What is stored already, whoever calls goes on to hold
   */
  async complete(id: string, result: JobResult, contents: readonly Content[]): Promise<void> {
    let keys: ReadonlyMap<string, string>;
    try {
      keys = await this.#results.put(id, contents);
    } catch (error) {
      await this.failUnstored(id, error);
      return;
    }
    const [first, ...others] = result.outputs;
    const kept: JobResult = {
      ...result,
      outputs: [
        { ...first, key: keys.get('0') },
        ...others.map((one, n) => ({ ...one, key: keys.get(String(n + 1)) })),
      ],
    };
    const completed = await this.#changes.end(id, (job, now) => transitions.complete(job, now, kept));
    if (!completed) this.#results.drop(id, keys);
  }

  /** processing → failed, since the store did not take the result. */
  async failUnstored(id: string, because: unknown): Promise<void> {
    this.#logger.error('A result could not be stored', { jobId: id, error: messageOf(because) });
    await this.fail(id, RESULT_NOT_STORED);
  }

  /** pending or processing → failed. */
  async fail(id: string, failure: JobFailure): Promise<void> {
    await this.#changes.end(id, (job, now) => transitions.fail(job, now, failure));
  }

  /**
   * pending or processing → cancelled. The record changes at once; whoever runs the job hears of its end.
   * @throws AppError `JOB_NOT_FOUND` or `JOB_ALREADY_FINISHED`
   */
  async cancel(id: string): Promise<Job> {
    const cancelled = await this.#changes.end(id, transitions.cancel);
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
    await this.#removals.forget(id, 'deleted');
  }

  /** Forgets the finished jobs whose lifetime is over. @returns how many */
  cleanup(): Promise<number> {
    return this.#removals.forgetExpired();
  }

  /** Ids of the prompts that servers with the same jobs go on with; none where this server has them for itself. */
  promptsUnderWay(): Promise<ReadonlySet<string>> {
    return promptsUnderWay(this.#records);
  }

  /**
   * Resolves with the job once it is finished, or as it is when `signal` is aborted or the server starts to drain
   * before it was begun.
   */
  whenFinished(id: string, signal: AbortSignal): Promise<Job> {
    return this.#waits.wait(id, signal);
  }
}
