import type { DurationEstimates } from './estimates.js';
import type { JobManager } from './JobManager.js';
export interface QueueLimits {
    /** Pending jobs, and bytes of their uploads. */
    readonly maxQueueSize: number;
    readonly maxQueueBytes: number;
}
/** A server that shuts down is usually back, or replaced, within this many seconds. */
export declare const RESTART_SECONDS = 10;
/** Decides whether another job may come in, and when one that may not should be sent again. */
export declare class Admission {
    #private;
    /** @param slots jobs that can be processed at the same time, at present */
    constructor(parts: {
        manager: JobManager;
        estimates: DurationEstimates;
        slots: () => number;
    }, limits: QueueLimits);
    /** How full the queue is, 0..1, by number or by bytes, whichever is nearer to its limit. */
    get queueUsage(): number;
    /**
     * Whether a job with an upload of `bytes` could come in now.
     * @throws AppError `SHUTTING_DOWN` or `QUEUE_FULL`, with the seconds after which to try again
     */
    check(bytes: number): void;
    /**
     * Lets one job in while `create` puts it into the queue: however many come at once, no more than fit.
     * @throws AppError as `check`
     */
    admit<T>(bytes: number, create: () => Promise<T>): Promise<T>;
    /**
     * Seconds until a place is likely free for the client that is refused now: from how long jobs took lately, how
     * many run side by side, and how many others were sent away before it.
     */
    retryAfterSeconds(): number;
}
