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
/** The last 24 hours by the minute: at most 1440 small buckets, however many jobs there are. */
export class TimeWindows {
    /** Oldest first; minutes in which nothing ended have none. */
    #buckets = [];
    /** Takes note of a job that ended at `now` (epoch ms). `processingMs` is for completed ones. */
    record(now, type, outcome, processingMs) {
        const { byType } = this.#bucketAt(Math.floor(now / MINUTE_MS));
        byType[type] ??= { completed: 0, failed: 0, processingMs: 0 };
        const count = byType[type];
        count[outcome] += 1;
        if (outcome === 'completed')
            count.processingMs += processingMs;
    }
    /** What ended in the last `minutes` (at most 1440) minutes, of one type or of all. */
    last(now, minutes, type) {
        const since = Math.floor(now / MINUTE_MS) - minutes;
        return sumOf(this.#buckets.filter(({ minute }) => minute > since), type);
    }
    /** Each of the last `minutes` (at most 1440) minutes, oldest first, those without jobs too. */
    byMinute(now, minutes) {
        const current = Math.floor(now / MINUTE_MS);
        const known = new Map(this.#buckets.map((bucket) => [bucket.minute, bucket]));
        return Array.from({ length: minutes }, (_, n) => {
            const minute = current - minutes + 1 + n;
            const bucket = known.get(minute);
            return { start: minute * MINUTE_MS, ...sumOf(bucket ? [bucket] : []) };
        });
    }
    toState() {
        return this.#buckets;
    }
    restore(buckets) {
        this.#buckets = [...buckets].sort((a, b) => a.minute - b.minute);
    }
    #bucketAt(minute) {
        const newest = this.#buckets.at(-1);
        // After a clock that was set back, what ends now counts to the newest minute that is known.
        if (newest && newest.minute >= minute)
            return newest;
        const bucket = { minute, byType: {} };
        this.#buckets.push(bucket);
        while ((this.#buckets[0]?.minute ?? minute) <= minute - DAY_MINUTES)
            this.#buckets.shift();
        return bucket;
    }
}
function sumOf(buckets, type) {
    let [completed, failed, processingMs] = [0, 0, 0];
    for (const { byType } of buckets) {
        for (const [name, count] of Object.entries(byType)) {
            if (type !== undefined && name !== type)
                continue;
            completed += count.completed;
            failed += count.failed;
            processingMs += count.processingMs;
        }
    }
    return { completed, failed, averageProcessingMs: completed === 0 ? null : processingMs / completed };
}
//# sourceMappingURL=TimeWindows.js.map