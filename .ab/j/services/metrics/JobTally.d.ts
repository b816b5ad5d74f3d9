import { z } from 'zod';
import { DurationHistogram } from './DurationHistogram.js';
/** A tally as the metrics file keeps it. */
export declare const tallyState: z.ZodObject<{
    completed: z.ZodNumber;
    failed: z.ZodNumber;
    cancelled: z.ZodNumber;
    byType: z.ZodRecord<z.ZodString, z.ZodNumber>;
    byCategory: z.ZodRecord<z.ZodString, z.ZodNumber>;
    durations: z.ZodObject<{
        buckets: z.ZodString;
        sum: z.ZodNumber;
        min: z.ZodNullable<z.ZodNumber>;
        max: z.ZodNullable<z.ZodNumber>;
    }, z.core.$strip>;
}, z.core.$strip>;
/** What a tally is told of a job that ended. */
export interface TalliedJob {
    readonly outcome: 'completed' | 'failed' | 'cancelled';
    readonly type: string;
    /** Of a failed one. */
    readonly category: string | undefined;
    /** Processing time in ms, where there was any. */
    readonly processingMs: number | undefined;
}
/** Counts and durations of some jobs: all of them, those of one type, or those of one instance. */
export declare class JobTally {
    completed: number;
    failed: number;
    cancelled: number;
    /** Completed and failed ones, by type. */
    byType: Record<string, number>;
    /** Failed ones, by category. */
    byCategory: Record<string, number>;
    /** Processing times of completed ones. */
    durations: DurationHistogram;
    record({ outcome, type, category, processingMs }: TalliedJob): void;
    /** Completed and failed: a cancelled job is neither success nor failure. */
    get processed(): number;
    /** 0..1; null when nothing was processed. */
    get successRate(): number | null;
    /** 0..1; null when nothing was processed. */
    get failureRate(): number | null;
    /** The category of most failures, null when there was none. */
    get mostCommonError(): string | null;
    toState(): z.output<typeof tallyState>;
    static fromState(state: z.output<typeof tallyState>): JobTally;
}
