import { AppError } from '../../errors.js';
import type { QueueSize } from '../queue/JobQueue.js';
import type { DurationEstimates } from './estimates.js';
import type { JobManager } from './JobManager.js';
import type { QueuePace } from './QueuePace.js';
import type { WaitingGraphs } from './WaitingGraphs.js';

export interface QueueLimits {
  /** Pending jobs, and bytes of their uploads and graphs. */
  readonly maxQueueSize: number;
  readonly maxQueueBytes: number;
  /** Bytes of their graphs alone: they are in memory even if uploads are not. */
  readonly maxGraphBytes: number;
}

/** What a job takes while it waits, in bytes. */
export interface WaitingBytes {
  readonly files: number;
  readonly graph: number;
}

/** A server that shuts down is usually back, or replaced, within this many seconds. */
export const RESTART_SECONDS = 10;

/** Decides whether another job is accepted, and when a rejected one should be sent again. */
export class Admission {
  readonly #manager: JobManager;
  readonly #estimates: DurationEstimates;
  readonly #pace: QueuePace;
  readonly #graphs: WaitingGraphs | undefined;
  readonly limits: QueueLimits;
  /** Jobs that were let in and are not in the queue yet. */
  readonly #onTheirWay = { jobs: 0, bytes: 0, graphs: 0 };
  /** All jobs that have come into the queue from here. */
  readonly #arrived = { jobs: 0, bytes: 0 };
  /** Size of the queue at the last check. */
  #queue: QueueSize = { jobs: 0, bytes: 0 };
  /** Jobs rejected since the last accepted one: they will come back before the next one. */
  #refused = 0;

  /** @param parts without `graphs`, waiting jobs are not in this process */
  constructor(
    parts: {
      manager: JobManager;
      estimates: DurationEstimates;
      pace: QueuePace;
      graphs: WaitingGraphs | undefined;
    },
    limits: QueueLimits,
  ) {
    this.#manager = parts.manager;
    this.#estimates = parts.estimates;
    this.#pace = parts.pace;
    this.#graphs = parts.graphs;
    this.limits = limits;
  }

  /** Bytes of the graphs that wait in this process. */
  get graphBytes(): number {
    return this.#graphs?.bytes ?? 0;
  }

  /** How full the queue is, 0..1, by number or by bytes, whichever is closer to its limit. */
  async queueUsage(): Promise<number> {
    const { maxQueueSize, maxQueueBytes, maxGraphBytes } = this.limits;
    const { jobs, bytes } = await this.#askQueue();
    const graphs = this.graphBytes;
    return Math.max(jobs / maxQueueSize, (bytes + graphs) / maxQueueBytes, graphs / maxGraphBytes);
  }

  /**
   * Whether a job could be accepted now.
   * @throws AppError `SHUTTING_DOWN` or `QUEUE_FULL`, with the seconds until a retry
   */
  async check(bytes: WaitingBytes): Promise<void> {
    const placesFor = await this.#look();
    placesFor(bytes);
  }

  /**
   * Accepts one job while `create` queues it: however many arrive at once at this server, no more than fit. Other servers
   * with the same queue do not see a job until it is in the queue: together they may exceed the limit by what the others
   * accept in the time of one read of its size.
   * @param create calls its argument when the listeners to events know the job
   * @throws AppError like `check`
   */
  async admit<T>(bytes: WaitingBytes, create: (onTold: () => void) => Promise<T>): Promise<T> {
    const placesFor = await this.#look();
    // Nothing may be awaited in between: others would find the same place.
    placesFor(bytes);
    this.#refused = 0;
    let { graph } = bytes;
    this.#onTheirWay.jobs += 1;
    this.#onTheirWay.bytes += bytes.files;
    this.#onTheirWay.graphs += graph;
    const onTold = () => {
      this.#onTheirWay.graphs -= graph;
      graph = 0;
    };
    try {
      const created = await create(onTold);
      this.#arrived.jobs += 1;
      this.#arrived.bytes += bytes.files;
      return created;
    } finally {
      this.#onTheirWay.jobs -= 1;
      this.#onTheirWay.bytes -= bytes.files;
      onTold();
    }
  }

  /** Reads the size of the queue. @returns a function that throws like `check` if there is no place now */
  async #look(): Promise<(bytes: WaitingBytes) => void> {
    // A job that arrives in the meantime may be missing in the size.
    const { jobs, bytes } = this.#arrived;
    const queue = await this.#askQueue();
    return (wanted) =>
      this.#requirePlace(wanted, {
        jobs: queue.jobs + this.#arrived.jobs - jobs,
        bytes: queue.bytes + this.#arrived.bytes - bytes,
      });
  }

  #requirePlace({ files, graph }: WaitingBytes, queue: QueueSize): void {
    if (this.#manager.isDraining) {
      const retryAfterSeconds = RESTART_SECONDS;
      throw new AppError('SHUTTING_DOWN', 'The server is shutting down.', { retryAfterSeconds });
    }
    const { maxQueueSize, maxQueueBytes, maxGraphBytes } = this.limits;
    const onTheirWay = this.#onTheirWay;
    const others = this.graphBytes + onTheirWay.graphs;
    // A single graph may be larger than the limit.
    const graphs = others === 0 ? 0 : others + graph;
    const bytes = queue.bytes + onTheirWay.bytes + files + graphs;
    const hasPlace = queue.jobs + onTheirWay.jobs < maxQueueSize;
    if (hasPlace && bytes <= maxQueueBytes && graphs <= maxGraphBytes) return;
    throw new AppError('QUEUE_FULL', 'The queue is full.', {
      retryAfterSeconds: this.retryAfterSeconds(),
      details: { pending_jobs: queue.jobs, max_queue_size: maxQueueSize },
    });
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
