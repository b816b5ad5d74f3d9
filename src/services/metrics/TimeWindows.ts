import { z } from 'zod';

const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;

const typeCount = z.object({
  completed: z.number(),
  failed: z.number(),
  /** Total of the completed jobs. */
  processingMs: z.number(),
});

type TypeCount = z.output<typeof typeCount>;

const bucketState = z.object({
  /** Minutes since the epoch. */
  minute: z.number(),
  byType: z.record(z.string(), typeCount),
});

export const windowsState = z.array(bucketState);

type Bucket = z.output<typeof bucketState>;

/** The jobs that ended in a time window. */
export interface WindowSum {
  readonly completed: number;
  readonly failed: number;
  /** Of the completed jobs, ms; null if there are none. */
  readonly averageProcessingMs: number | null;
}

/** The last 24 hours by the minute: at most 1440 small buckets, whatever the number of jobs. */
export class TimeWindows {
  /** Oldest first. A minute in which no job ended has no bucket. */
  #buckets: Bucket[] = [];

  /** Records a job that ended at `now` (epoch ms). `processingMs` counts only for completed jobs. */
  record(now: number, type: string, outcome: 'completed' | 'failed', processingMs: number): void {
    const { byType } = this.#bucketAt(Math.floor(now / MINUTE_MS));
    byType[type] ??= { completed: 0, failed: 0, processingMs: 0 };
    const count = byType[type];
    count[outcome] += 1;
    if (outcome === 'completed') count.processingMs += processingMs;
  }

  /** Returns the jobs that ended in the last `minutes` (at most 1440), of one type or of all. */
  last(now: number, minutes: number, type?: string): WindowSum {
    const since = Math.floor(now / MINUTE_MS) - minutes;
    return sumOf(
      this.#buckets.filter(({ minute }) => minute > since),
      type,
    );
  }

  /** Returns each of the last `minutes` (at most 1440), oldest first, including those without jobs. */
  byMinute(now: number, minutes: number): Array<WindowSum & { readonly start: number }> {
    const current = Math.floor(now / MINUTE_MS);
    const known = new Map(this.#buckets.map((bucket) => [bucket.minute, bucket]));
    return Array.from({ length: minutes }, (_, n) => {
      const minute = current - minutes + 1 + n;
      const bucket = known.get(minute);
      return { start: minute * MINUTE_MS, ...sumOf(bucket ? [bucket] : []) };
    });
  }

  toState(): Bucket[] {
    return this.#buckets;
  }

  restore(buckets: readonly Bucket[]): void {
    this.#buckets = [...buckets].sort((a, b) => a.minute - b.minute);
  }

  /** Adds buckets of another recorder that are within the same 24 hours. @param now epoch ms */
  add(now: number, buckets: readonly Bucket[]): void {
    const since = Math.floor(now / MINUTE_MS) - DAY_MINUTES;
    const known = new Map(this.#buckets.map((bucket) => [bucket.minute, bucket]));
    for (const { minute, byType } of buckets) {
      if (minute <= since) continue;
      const bucket = known.get(minute) ?? { minute, byType: {} };
      known.set(minute, bucket);
      for (const [type, count] of Object.entries(byType)) {
        bucket.byType[type] = sumOfCounts(bucket.byType[type], count);
      }
    }
    this.restore([...known.values()]);
  }

  #bucketAt(minute: number): Bucket {
    const newest = this.#buckets.at(-1);
    // If the clock was set back, count in the newest minute.
    if (newest && newest.minute >= minute) return newest;
    const bucket: Bucket = { minute, byType: {} };
    this.#buckets.push(bucket);
    while ((this.#buckets[0]?.minute ?? minute) <= minute - DAY_MINUTES) this.#buckets.shift();
    return bucket;
  }
}

function sumOfCounts(a: TypeCount | undefined, b: TypeCount): TypeCount {
  return {
    completed: (a?.completed ?? 0) + b.completed,
    failed: (a?.failed ?? 0) + b.failed,
    processingMs: (a?.processingMs ?? 0) + b.processingMs,
  };
}

function sumOf(buckets: readonly Bucket[], type?: string): WindowSum {
  let [completed, failed, processingMs] = [0, 0, 0];
  for (const { byType } of buckets) {
    for (const [name, count] of Object.entries(byType)) {
      if (type !== undefined && name !== type) continue;
      completed += count.completed;
      failed += count.failed;
      processingMs += count.processingMs;
    }
  }
  return { completed, failed, averageProcessingMs: completed === 0 ? null : processingMs / completed };
}
