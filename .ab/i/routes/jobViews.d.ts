import type { z } from 'zod';
import type { jobRecord, jobStatusAnswer, result } from '../schemas/jobs.js';
import type { Services } from '../services/index.js';
import { type CompletedJob, type Job } from '../services/jobs/Job.js';
/** Where a job's status, result, events and cancellation are. */
export declare function jobUrls(id: string): Record<'status_url' | 'result_url' | 'events_url' | 'cancel_url', string>;
/** Makes the answers about jobs out of their records. */
export declare class JobViews {
    #private;
    constructor(services: Services);
    /** Milliseconds until a pending job is likely done, and its place in the queue (1 is next). */
    pendingEstimate(job: Job): {
        position: number;
        ms: number;
    };
    status(job: Job): z.input<typeof jobStatusAnswer>;
    record(job: Job): z.input<typeof jobRecord>;
    /** The `result` of an answer; `ResultSender` puts the image in. */
    result(job: CompletedJob): z.input<typeof result>;
}
