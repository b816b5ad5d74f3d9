import { AppError } from '../../errors.js';
import type { QueueSize } from '../queue/JobQueue.js';
import type { DurationEstimates } from './estimates.js';
import type { JobManager } from './JobManager.js';
import type { QueuePace } from './QueuePace.js';

export interface QueueLimits {
  /** Pending jobs, and bytes of their uploads. */
  readonly maxQueueSize: number;
  readonly maxQueueBytes: number;
}

/** A server that shuts down is usually back, or replaced, within this many seconds. */
export const RESTART_SECONDS = 10;

/** Decides whether another job is accepted, and when a rejected one should be sent again. */
export class Admission {
  readonly #manager: JobManager;
  readonly #estimates: DurationEstimates;
  readonly #pace: QueuePace;
  readonly limits: QueueLimits;
  /** Jobs that were let in and are not in the queue yet. */
  readonly #onTheirWay = { jobs: 0, bytes: 0 };
  /** Size of the queue at the last check. */
  #queue: QueueSize = { jobs: 0, bytes: 0 };
  /** Jobs rejected since the last accepted one: they will come back before the next one. */
  #refused = 0;

  constructor(
    parts: { manager: JobManager; estimates: DurationEstimates; pace: QueuePace },
    limits: QueueLimits,
  ) {
    this.#manager = parts.manager;
    this.#estimates = parts.estimates;
    this.#pace = parts.pace;
    this.limits = limits;
  }

  /** How full the queue is, 0..1, by number or by bytes, whichever is closer to its limit. */
  async queueUsage(): Promise<number> {
    const { maxQueueSize, maxQueueBytes } = this.limits;
    const { jobs, bytes } = await this.#askQueue();
    return Math.max(jobs / maxQueueSize, bytes / maxQueueBytes);
  }

  /**
   * Whether a job with an upload of `bytes` could be accepted now.
   * @throws AppError `SHUTTING_DOWN` or `QUEUE_FULL`, with the seconds until a retry
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
   * Accepts one job while `create` queues it: however many arrive at once, no more than fit. Simultaneous jobs on
   * other servers with the same queue are not known here.
   * @throws AppError like `check`
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
   * Seconds until a place is probably free for the rejected client: from the pace of the machines and the clients
   * rejected before it.
   */
  retryAfterSeconds(): number {
    this.#refused += 1;
    const msForOnePlace = this.#pace.msPerJob ?? this.#estimates.averageMs / this.#pace.parallel;
    const places = Math.min(this.#refused, this.#queue.jobs + 1);
    return Math.max(1, Math.ceil((msForOnePlace * places) / 1000));
  }

  async #askQueue(): Promise<QueueSize> {
    this.#queue = await this.#manager.queue.size();
    return this.#queue;
  }
}
