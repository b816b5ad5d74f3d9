import { z } from 'zod';

const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;

const typeCount = z.object({
  completed: z.number(),
  failed: z.number(),
  /** Of the completed ones. */
  processingMs: z.number(),
});

const bucketState = z.object({
  /** Minutes since the epoch. */
  minute: z.number(),
  byType: z.record(z.string(), typeCount),
});

export const windowsState = z.array(bucketState);

type Bucket = z.output<typeof bucketState>;

/** What ended within a span of time. */
export interface WindowSum {
  readonly completed: number;
  readonly failed: number;
  /** Of the completed ones, ms; null when there was none. */
  readonly averageProcessingMs: number | null;
}

/** The last 24 hours by the minute: at most 1440 small buckets, however many jobs there are. */
export class TimeWindows {
  /** Oldest first; minutes in which nothing ended have none. */
  #buckets: Bucket[] = [];

  /** Takes note of a job that ended at `now` (epoch ms). `processingMs` is for completed ones. */
  record(now: number, type: string, outcome: 'completed' | 'failed', processingMs: number): void {
    const { byType } = this.#bucketAt(Math.floor(now / MINUTE_MS));
    byType[type] ??= { completed: 0, failed: 0, processingMs: 0 };
    const count = byType[type];
    count[outcome] += 1;
    if (outcome === 'completed') count.processingMs += processingMs;
  }

  /** What ended in the last `minutes` (at most 1440) minutes, of one type or of all. */
  last(now: number, minutes: number, type?: string): WindowSum {
    const since = Math.floor(now / MINUTE_MS) - minutes;
    const sum = { completed: 0, failed: 0, processingMs: 0 };
    for (const { minute, byType } of this.#buckets) {
      if (minute <= since) continue;
      for (const [name, count] of Object.entries(byType)) {
        if (type !== undefined && name !== type) continue;
        sum.completed += count.completed;
        sum.failed += count.failed;
        sum.processingMs += count.processingMs;
      }
    }
    const { completed, failed, processingMs } = sum;
    return { completed, failed, averageProcessingMs: completed === 0 ? null : processingMs / completed };
  }

  toState(): Bucket[] {
    return this.#buckets;
  }

  restore(buckets: readonly Bucket[]): void {
    this.#buckets = [...buckets].sort((a, b) => a.minute - b.minute);
  }

  #bucketAt(minute: number): Bucket {
    const newest = this.#buckets.at(-1);
    // After a clock that was set back, what ends now counts to the newest minute that is known.
    if (newest && newest.minute >= minute) return newest;
    const bucket: Bucket = { minute, byType: {} };
    this.#buckets.push(bucket);
    while ((this.#buckets[0]?.minute ?? minute) <= minute - DAY_MINUTES) this.#buckets.shift();
    return bucket;
  }
}
