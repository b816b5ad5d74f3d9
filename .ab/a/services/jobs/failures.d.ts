/** What a failed try means: for the job, for its client, and for the instance. */
import { PromptError } from '../../errors.js';
import type { JobFailure, ProcessingJob } from './Job.js';
/** Why a running job is stopped; the reason that its abort signal carries. */
export declare class JobAbort extends Error {
    readonly kind: 'cancelled' | 'timeout' | 'shutdown';
    constructor(kind: JobAbort['kind']);
}
/** Whether a job that failed so goes to an instance once more. */
export declare function mayTryAgain(error: PromptError, job: ProcessingJob, maxAttempts: number): boolean;
/** What a client reads of a job that this server stopped. */
export declare function stoppedFailure(kind: 'timeout' | 'shutdown', jobTimeoutMs: number): JobFailure;
/** Failures that tell something about the machine, not about the prompt. */
export declare function isInstanceFault(error: PromptError): boolean;
/** What a client reads of an error: a prompt's with its category, unknown ones only by name. */
export declare function failureOf(error: unknown): JobFailure;
