import { z } from 'zod';
declare const bucketState: z.ZodObject<{
    minute: z.ZodNumber;
    byType: z.ZodRecord<z.ZodString, z.ZodObject<{
        completed: z.ZodNumber;
        failed: z.ZodNumber;
        processingMs: z.ZodNumber;
    }, z.core.$strip>>;
}, z.core.$strip>;
export declare const windowsState: z.ZodArray<z.ZodObject<{
    minute: z.ZodNumber;
    byType: z.ZodRecord<z.ZodString, z.ZodObject<{
        completed: z.ZodNumber;
        failed: z.ZodNumber;
        processingMs: z.ZodNumber;
    }, z.core.$strip>>;
}, z.core.$strip>>;
type Bucket = z.output<typeof bucketState>;
/** What ended within a span of time. */
export interface WindowSum {
    readonly completed: number;
    readonly failed: number;
    /** Of the completed ones, ms; null when there was none. */
    readonly averageProcessingMs: number | null;
}
/** The last 24 hours by the minute: at most 1440 small buckets, however many jobs there are. */
export declare class TimeWindows {
    #private;
    /** Takes note of a job that ended at `now` (epoch ms). `processingMs` is for completed ones. */
    record(now: number, type: string, outcome: 'completed' | 'failed', processingMs: number): void;
    /** What ended in the last `minutes` (at most 1440) minutes, of one type or of all. */
    last(now: number, minutes: number, type?: string): WindowSum;
    /** Each of the last `minutes` (at most 1440) minutes, oldest first, those without jobs too. */
    byMinute(now: number, minutes: number): Array<WindowSum & {
        readonly start: number;
    }>;
    toState(): Bucket[];
    restore(buckets: readonly Bucket[]): void;
}
export {};
