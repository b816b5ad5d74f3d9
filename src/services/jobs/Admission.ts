import { AppError } from '../../errors.js';
import type { QueueSize } from '../queue/JobQueue.js';
import type { DurationEstimates } from './estimates.js';
import type { JobManager } from './JobManager.js';

export interface QueueLimits {
  /** Pending jobs, and bytes of their uploads. */
  readonly maxQueueSize: number;
  readonly maxQueueBytes: number;
}

/** A server that shuts down is usually back, or replaced, within this many seconds. */
export const RESTART_SECONDS = 10;

/** Decides whether another job may come in, and when one that may not should be sent again. */
export class Admission {
  readonly #manager: JobManager;
  readonly #estimates: DurationEstimates;
  readonly #slots: () => number;
  readonly limits: QueueLimits;
  /** Jobs that were let in and are not in the queue yet. */
  readonly #onTheirWay = { jobs: 0, bytes: 0 };
  /** Of the queue, when somebody asked last. */
  #queue: QueueSize = { jobs: 0, bytes: 0 };
  /** Jobs that were refused since the last one was let in: they will be back before the next one. */
  #refused = 0;

  /** @param slots jobs that can be processed at the same time, at present */
  constructor(
    parts: { manager: JobManager; estimates: DurationEstimates; slots: () => number },
    limits: QueueLimits,
  ) {
    this.#manager = parts.manager;
    this.#estimates = parts.estimates;
    this.#slots = parts.slots;
    this.limits = limits;
  }

  /** How full the queue is, 0..1, by number or by bytes, whichever is nearer to its limit. */
  async queueUsage(): Promise<number> {
    const { maxQueueSize, maxQueueBytes } = this.limits;
    const { jobs, bytes } = await this.#askQueue();
    return Math.max(jobs / maxQueueSize, bytes / maxQueueBytes);
  }

  /**
   * Whether a job with an upload of `bytes` could come in now.
   * @throws AppError `SHUTTING_DOWN` or `QUEUE_FULL`, with the seconds after which to try again
   */
  async check(bytes: number): Promise<void> {
    const queue = await this.#askQueue();
    if (this.#manager.isDraining) {
      const retryAfterSeconds = RESTART_SECONDS;
      throw new AppError('SHUTTING_DOWN', 'The server is shutting down.', { retryAfterSeconds });
    }
    const { maxQueueSize, maxQueueBytes } = this.limits;
    const { jobs, bytes: bytesOnTheirWay } = this.#onTheirWay;
    if (queue.jobs + jobs < maxQueueSize && queue.bytes + bytesOnTheirWay + bytes <= maxQueueBytes) return;
    throw new AppError('QUEUE_FULL', 'The queue is full.', {
      retryAfterSeconds: this.retryAfterSeconds(),
      details: { pending_jobs: queue.jobs, max_queue_size: maxQueueSize },
    });
  }

  /**
   * Lets one job in while `create` puts it into the queue: however many come at once, no more than fit. Of what comes to
   * other servers with the same queue in this moment, nothing is known here.
   * @throws AppError as `check`
   */
  async admit<T>(bytes: number, create: () => Promise<T>): Promise<T> {
    await this.check(bytes);
    this.#refused = 0;
    this.#onTheirWay.jobs += 1;
    this.#onTheirWay.bytes += bytes;
    try {
      return await create();
    } finally {
      this.#onTheirWay.jobs -= 1;
      this.#onTheirWay.bytes -= bytes;
    }
  }

  /**
   * Seconds until a place is likely free for the client that is refused now: from how long jobs took lately, how
   * many run side by side, and how many others were sent away before it.
   */
  retryAfterSeconds(): number {
    this.#refused += 1;
    const msForOnePlace = this.#estimates.averageMs / this.#slots();
    const places = Math.min(this.#refused, this.#queue.jobs + 1);
    return Math.max(1, Math.ceil((msForOnePlace * places) / 1000));
  }

  /** Seconds of processing that wait, by how long jobs took lately and how many run side by side. Never rejects. */
  async queueSeconds(): Promise<number> {
    const { jobs } = await this.#manager.figures.waiting();
    return (jobs * this.#estimates.averageMs) / Math.max(1, this.#slots()) / 1000;
  }

  async #askQueue(): Promise<QueueSize> {
    this.#queue = await this.#manager.queue.size();
    return this.#queue;
  }
}
