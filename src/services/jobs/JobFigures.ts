import type { JobQueue, QueueSize } from '../queue/JobQueue.js';
import type { JobCounts } from '../queue/JobStore.js';

const NO_JOBS: JobCounts = {
  total: 0,
  byStatus: { pending: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 },
  byType: {},
  byInstance: {},
};

/** Numbers of jobs, for monitoring: if a store or the queue does not respond, the last known ones. */
export class JobFigures {
  readonly #queue: JobQueue;
  readonly #readCounts: () => Promise<JobCounts>;
  #waiting: QueueSize = { jobs: 0, bytes: 0 };
  #counts = NO_JOBS;

  constructor(queue: JobQueue, readCounts: () => Promise<JobCounts>) {
    this.#queue = queue;
    this.#readCounts = readCounts;
  }

  /** Pending jobs. Never rejects. */
  async waiting(): Promise<QueueSize> {
    try {
      this.#waiting = await this.#queue.size();
    } catch {
      // The connection logs this.
    }
    return this.#waiting;
  }

  /** Never rejects. */
  async counts(): Promise<JobCounts> {
    try {
      this.#counts = await this.#readCounts();
    } catch {
      // The connection logs this.
    }
    return this.#counts;
  }
}
