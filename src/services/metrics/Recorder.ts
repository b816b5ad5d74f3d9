import type { Clock } from '../../utils/clock.js';
import { type FinishedJob, processingDuration } from '../jobs/Job.js';

interface Bucket {
  /** Minutes since the epoch. */
  readonly minute: number;
  completed: number;
  failed: number;
}

const MINUTE_MS = 60_000;
const HOUR_MINUTES = 60;

/** Counts every job that ends, once. Its memory does not grow with the number of jobs. */
export class Recorder {
  completed = 0;
  failed = 0;
  cancelled = 0;
  readonly startedAt: number;
  readonly #clock: Clock;
  #processingMs = 0;
  /** The last hour, oldest first. */
  readonly #buckets: Bucket[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.startedAt = clock.now();
  }

  /** Takes note of a job's end. A cancelled job is neither success nor failure. */
  record(job: FinishedJob): void {
    if (job.status === 'cancelled') {
      this.cancelled += 1;
      return;
    }
    const bucket = this.#currentBucket();
    if (job.status === 'completed') {
      this.completed += 1;
      bucket.completed += 1;
      this.#processingMs += processingDuration(job) ?? 0;
    } else {
      this.failed += 1;
      bucket.failed += 1;
    }
  }

  /** Completed of completed and failed, 0..1; null when there was none. */
  get successRate(): number | null {
    const finished = this.completed + this.failed;
    return finished === 0 ? null : this.completed / finished;
  }

  /** Of completed jobs, ms; null when there was none. */
  get averageProcessingMs(): number | null {
    return this.completed === 0 ? null : this.#processingMs / this.completed;
  }

  /** Jobs that completed or failed in the last `minutes` (at most 60) minutes. */
  last(minutes: number): { completed: number; failed: number } {
    const since = this.#minute() - minutes;
    const sum = { completed: 0, failed: 0 };
    for (const bucket of this.#buckets) {
      if (bucket.minute <= since) continue;
      sum.completed += bucket.completed;
      sum.failed += bucket.failed;
    }
    return sum;
  }

  #minute(): number {
    return Math.floor(this.#clock.now() / MINUTE_MS);
  }

  #currentBucket(): Bucket {
    const minute = this.#minute();
    const newest = this.#buckets.at(-1);
    if (newest?.minute === minute) return newest;
    const bucket = { minute, completed: 0, failed: 0 };
    this.#buckets.push(bucket);
    while ((this.#buckets[0]?.minute ?? minute) <= minute - HOUR_MINUTES) this.#buckets.shift();
    return bucket;
  }
}
