import { AppError, type ErrorCategory } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import { type CompletedJob, type Job, type JobFailure, type JobRequest, type JobResult, type ProcessingJob } from './Job.js';
import { JobEvents } from './JobEvents.js';
import { PendingQueue } from './PendingQueue.js';
import type { BlobStore, JobStore } from './stores.js';
export interface JobLimits {
    /** Bytes of results kept. */
    readonly maxResultBytes: number;
    /** How long a finished job is kept, ms. */
    readonly lifetimeMs: number;
}
/**
 * The rules of a job's life: what may follow on what, once. Records and bytes lie in the stores; who waits, who
 * is next and what a job's end sets off is decided here.
 */
export declare class JobManager {
    #private;
    /** Jobs that wait for an instance. */
    readonly queue: PendingQueue;
    readonly events: JobEvents;
    constructor(stores: {
        jobs: JobStore;
        blobs: BlobStore;
    }, limits: JobLimits, clock: Clock, logger: Logger);
    /** Whether new jobs are refused because the server ends. */
    get isDraining(): boolean;
    /** Refuses new jobs from now on. */
    drain(): void;
    /** Takes a new job. Ask `Admission` first. */
    create(request: JobRequest, image: Buffer): Promise<Job>;
    get(id: string): Promise<Job>;
    noSuchJob(id: string): AppError;
    list: JobStore['list'];
    counts: JobStore['counts'];
    /** The upload of a job that is not finished. */
    upload(id: string): Promise<Buffer>;
    /**
     * A completed job with its image.
     * @throws AppError `JOB_NOT_FOUND`, `JOB_NOT_COMPLETED` or `RESULT_EXPIRED`
     */
    result(id: string): Promise<{
        job: CompletedJob;
        image: Buffer;
    }>;
    /** pending → processing. undefined when the job is not pending any more. */
    begin(id: string, instance: string): Promise<ProcessingJob | undefined>;
    recordPrompt(id: string, promptId: string): Promise<void>;
    recordProgress(id: string, percentage: number, currentNode: string | undefined): Promise<void>;
    /** processing → completed. */
    complete(id: string, result: JobResult, image: Buffer): Promise<void>;
    /** pending or processing → failed. */
    fail(id: string, failure: JobFailure): Promise<void>;
    /** processing → pending, before all that wait: another instance is to try. */
    requeue(id: string, because: ErrorCategory): Promise<void>;
    /** A job that was taken from the queue and is pending goes back to its front. */
    putBack(id: string): Promise<void>;
    /**
     * pending or processing → cancelled. The record changes at once; whoever runs the job hears of it by `onFinished`.
     * @throws AppError `JOB_NOT_FOUND` or `JOB_ALREADY_FINISHED`
     */
    cancel(id: string): Promise<Job>;
    /** Forgets a job and its bytes; one that is not finished is cancelled first. */
    remove(id: string): Promise<void>;
    /** Forgets the finished jobs whose lifetime is over. Pending and processing ones never expire. */
    cleanup(): Promise<number>;
    /**
     * Resolves with the job once it is finished, or as it is when `signal` is aborted or the server starts to drain
     * before it was begun.
     */
    whenFinished(id: string, signal: AbortSignal): Promise<Job>;
}
