import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, } from 'hdr-histogram-js';
import { z } from 'zod';
/** A histogram as the metrics file keeps it. */
export const histogramState = z.object({
    buckets: z.string(),
    sum: z.number().nonnegative(),
    min: z.number().nullable(),
    max: z.number().nullable(),
});
const MICROSECONDS = 1000;
/** Percentiles are right to so many significant digits. */
const PRECISION = 3;
/**
 * Durations, given and returned in ms: percentiles by an HDR histogram, whose memory does not grow with their
 * number; sum, smallest and largest exactly. Everything is null while there is no data.
 */
export class DurationHistogram {
    #histogram = emptyHistogram();
    #sum = 0;
    #min = null;
    #max = null;
    record(ms) {
        const duration = Math.max(0, ms);
        this.#histogram.recordValue(Math.max(1, Math.round(duration * MICROSECONDS)));
        this.#sum += duration;
        this.#min = Math.min(this.#min ?? duration, duration);
        this.#max = Math.max(this.#max ?? duration, duration);
    }
    get count() {
        return this.#histogram.totalCount;
    }
    get average() {
        return this.count === 0 ? null : this.#sum / this.count;
    }
    get min() {
        return this.#min;
    }
    get max() {
        return this.#max;
    }
    /** The value that `percent` of the durations do not exceed. */
    percentile(percent) {
        if (this.count === 0 || this.#max === null)
            return null;
        return Math.min(this.#max, this.#histogram.getValueAtPercentile(percent) / MICROSECONDS);
    }
    toState() {
        const buckets = encodeIntoCompressedBase64(this.#histogram);
        return { buckets, sum: this.#sum, min: this.#min, max: this.#max };
    }
    /** @throws Error when the buckets are not what `toState` made */
    static fromState(state) {
        const restored = new DurationHistogram();
        const histogram = decodeFromCompressedBase64(state.buckets, 64, false);
        restored.#histogram.add(histogram);
        restored.#sum = state.sum;
        restored.#min = state.min;
        restored.#max = state.max;
        return restored;
    }
}
function emptyHistogram() {
    return build({
        bitBucketSize: 64,
        autoResize: true,
        lowestDiscernibleValue: 1,
        highestTrackableValue: 2,
        numberOfSignificantValueDigits: PRECISION,
        useWebAssembly: false,
    });
}
//# sourceMappingURL=DurationHistogram.js.map