import { z } from 'zod';
/** A histogram as the metrics file keeps it. */
export declare const histogramState: z.ZodObject<{
    buckets: z.ZodString;
    sum: z.ZodNumber;
    min: z.ZodNullable<z.ZodNumber>;
    max: z.ZodNullable<z.ZodNumber>;
}, z.core.$strip>;
type HistogramState = z.output<typeof histogramState>;
/**
 * Durations, given and returned in ms: percentiles by an HDR histogram, whose memory does not grow with their
 * number; sum, smallest and largest exactly. Everything is null while there is no data.
 */
export declare class DurationHistogram {
    #private;
    record(ms: number): void;
    get count(): number;
    get average(): number | null;
    get min(): number | null;
    get max(): number | null;
    /** The value that `percent` of the durations do not exceed. */
    percentile(percent: number): number | null;
    toState(): HistogramState;
    /** @throws Error when the buckets are not what `toState` made */
    static fromState(state: HistogramState): DurationHistogram;
}
export {};
