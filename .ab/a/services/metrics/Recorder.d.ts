import { z } from 'zod';
import type { Clock } from '../../utils/clock.js';
import { type FinishedJob } from '../jobs/Job.js';
import { DurationHistogram } from './DurationHistogram.js';
import { JobTally } from './JobTally.js';
import { TimeWindows, type WindowSum } from './TimeWindows.js';
declare const recentError: z.ZodObject<{
    time: z.ZodNumber;
    category: z.ZodString;
    instance: z.ZodNullable<z.ZodString>;
    jobId: z.ZodString;
    jobType: z.ZodString;
    message: z.ZodString;
}, z.core.$strip>;
export type RecentError = z.output<typeof recentError>;
/** The recorder's memory, as the metrics file keeps it. */
export declare const recorderState: z.ZodObject<{
    uptimeMs: z.ZodNumber;
    firstStart: z.ZodNumber;
    all: z.ZodObject<{
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
    byType: z.ZodRecord<z.ZodString, z.ZodObject<{
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
    }, z.core.$strip>>;
    byInstance: z.ZodRecord<z.ZodString, z.ZodObject<{
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
    }, z.core.$strip>>;
    waiting: z.ZodObject<{
        buckets: z.ZodString;
        sum: z.ZodNumber;
        min: z.ZodNullable<z.ZodNumber>;
        max: z.ZodNullable<z.ZodNumber>;
    }, z.core.$strip>;
    windows: z.ZodArray<z.ZodObject<{
        minute: z.ZodNumber;
        byType: z.ZodRecord<z.ZodString, z.ZodObject<{
            completed: z.ZodNumber;
            failed: z.ZodNumber;
            processingMs: z.ZodNumber;
        }, z.core.$strip>>;
    }, z.core.$strip>>;
    lastByCategory: z.ZodRecord<z.ZodString, z.ZodNumber>;
    recentErrors: z.ZodArray<z.ZodObject<{
        time: z.ZodNumber;
        category: z.ZodString;
        instance: z.ZodNullable<z.ZodString>;
        jobId: z.ZodString;
        jobType: z.ZodString;
        message: z.ZodString;
    }, z.core.$strip>>;
}, z.core.$strip>;
type RecorderState = z.output<typeof recorderState>;
/** Takes note of every job that ends, once. Its memory does not grow with the number of jobs. */
export declare class Recorder {
    #private;
    all: JobTally;
    /** From acceptance to the start of the processing that ended a job. */
    waiting: DurationHistogram;
    /** When this process started, epoch ms. */
    readonly startedAt: number;
    /** When the first process that the figures go back to started, epoch ms. */
    firstStart: number;
    /** Newest first. */
    recentErrors: RecentError[];
    readonly byType: Map<string, JobTally>;
    readonly byInstance: Map<string, JobTally>;
    /** When each category of error last happened, epoch ms. */
    readonly lastByCategory: Map<string, number>;
    constructor(clock: Clock);
    /** Time that this process and those before it ran, ms. */
    get totalUptimeMs(): number;
    record(job: FinishedJob): void;
    /** What ended in each of the last `minutes` (at most 1440) minutes, oldest first. */
    byMinute(minutes: number): ReturnType<TimeWindows['byMinute']>;
    /** What ended in the last `minutes` (at most 1440), of one type or of all. */
    last(minutes: number, type?: string): WindowSum;
    toState(): RecorderState;
    /**
     * Goes on from what an earlier process left. Call it before the first job.
     * @throws Error when a histogram in it is damaged; the recorder is then as it was
     */
    restore(state: RecorderState): void;
}
export {};
