import type { z } from 'zod';
import type { asyncAnswer, jobStatusAnswer } from '../schemas/jobs.js';
import type { healthAnswer } from '../schemas/status.js';
import type { workflowsAnswer } from '../schemas/workflows.js';
import { MiddlewareError } from './MiddlewareError.js';
export { MiddlewareError };
/** A job's status, by its `status`. */
export type JobStatus = z.output<typeof jobStatusAnswer>;
/** The answer to a submission. */
export type Accepted = z.output<typeof asyncAnswer>;
export type Health = z.output<typeof healthAnswer>;
export type WorkflowDescription = z.output<typeof workflowsAnswer>['workflows'][number];
export interface ClientOptions {
    /** Such as `https://images.example`; the page's own server when it is left out in a browser. */
    readonly baseUrl?: string;
    /** Where the server has keys. */
    readonly apiKey?: string | undefined;
    /** In place of the global `fetch`. */
    readonly fetch?: typeof fetch;
}
export interface SubmitOptions {
    readonly format?: 'PNG' | 'JPEG' | 'WEBP';
    /** The workflow's own, such as `{ scale: 2 }`. */
    readonly parameters?: Readonly<Record<string, string | number | boolean>>;
    readonly filename?: string;
    /** The same key with the same image is the same job: for who may have to send it again. */
    readonly idempotencyKey?: string;
    readonly signal?: AbortSignal;
}
export interface WaitOptions {
    /** Called with every status that is heard of, the last one too. */
    readonly onStatus?: (status: JobStatus) => void;
    readonly signal?: AbortSignal;
    /** Between two questions where events do not get through, ms; 1000 when it is left out. */
    readonly pollMs?: number;
    /** How long the server may be out of reach, ms; a minute when it is left out. */
    readonly patienceMs?: number;
}
/** A client of the server, for browsers and Node: `fetch` and nothing else. */
export declare class MiddlewareClient {
    #private;
    constructor({ baseUrl, apiKey, fetch: own }?: ClientOptions);
    /**
     * Asks the server anything.
     * @returns the answer, when it is a success
     * @throws MiddlewareError for any other answer; TypeError when the server is out of reach
     */
    request(path: string, init?: RequestInit): Promise<Response>;
    /** The same, for an answer in JSON. */
    json<T>(path: string, init?: RequestInit): Promise<T>;
    /** The server's health. A critical server answers 503 with the whole report, which is no error here. */
    health(signal?: AbortSignal): Promise<Health>;
    /** What can be run. */
    workflows(signal?: AbortSignal): Promise<WorkflowDescription[]>;
    /**
     * Submits an image to a workflow and does not wait.
     * @param type such as `remove-background`
     */
    submit(type: string, image: Blob | Uint8Array, options?: SubmitOptions): Promise<Accepted>;
    status(jobId: string, signal?: AbortSignal): Promise<JobStatus>;
    /**
     * Waits until a job is completed, failed or cancelled: by events, and by polling where those do not get through.
     * A server that is out of reach for a while is asked again.
     * @throws MiddlewareError when the job is not there (any more), whatever the signal was aborted with, or the
     * network's error once the patience is over
     */
    wait(jobId: string, options?: WaitOptions): Promise<JobStatus>;
    /**
     * The image of a completed job.
     * @throws MiddlewareError `JOB_NOT_COMPLETED`, `RESULT_EXPIRED`, `JOB_NOT_FOUND`
     */
    result(jobId: string, signal?: AbortSignal): Promise<Blob>;
    /** Takes a job out of the queue, or interrupts it. @throws MiddlewareError `JOB_ALREADY_FINISHED` */
    cancel(jobId: string, signal?: AbortSignal): Promise<JobStatus>;
    /** What happens in the whole system, by the events' names. Ends when the connection does. */
    events(signal?: AbortSignal): AsyncGenerator<{
        event: string;
        data: unknown;
    }>;
}
