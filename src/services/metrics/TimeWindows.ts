import { z } from 'zod';

const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;

const typeCount = z.object({
  completed: z.number(),
  failed: z.number(),
  /** Of the completed ones. */
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
    return sumOf(
      this.#buckets.filter(({ minute }) => minute > since),
      type,
    );
  }

  /** Each of the last `minutes` (at most 1440) minutes, oldest first, those without jobs too. */
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

  /** Takes in what ended elsewhere in the same 24 hours. @param now epoch ms */
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
    // After a clock that was set back, what ends now counts to the newest minute that is known.
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
