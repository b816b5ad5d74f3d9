/** What a failed try means: for the job, for its client, and for the instance. */
import { AppError, PromptError } from '../../errors.js';
/** Why a running job is stopped; the reason that its abort signal carries. */
export class JobAbort extends Error {
    kind;
    constructor(kind) {
        super(`The job was stopped: ${kind}.`);
        this.kind = kind;
    }
}
/** Whether a job that failed so goes to an instance once more. */
export function mayTryAgain(error, job, maxAttempts) {
    if (!error.retryable || job.attempts >= maxAttempts)
        return false;
    // What does not fit after the memory was freed does not fit.
    return (error.category !== 'out_of_memory' ||
        !job.failedTries.some(({ category }) => category === 'out_of_memory'));
}
/** What a client reads of a job that this server stopped. */
export function stoppedFailure(kind, jobTimeoutMs) {
    if (kind === 'shutdown') {
        return {
            message: 'The server was shut down before the job was done.',
            code: 'SHUTTING_DOWN',
            category: 'internal',
            details: undefined,
        };
    }
    return {
        message: `The job took longer than ${jobTimeoutMs / 1000} seconds and was stopped.`,
        code: 'JOB_TIMEOUT',
        category: 'processing_timeout',
        details: undefined,
    };
}
/** Failures that tell something about the machine, not about the prompt. */
export function isInstanceFault(error) {
    return error.category.startsWith('connection_') || error.category === 'instance_unavailable';
}
/** What a client reads of an error: a prompt's with its category, unknown ones only by name. */
export function failureOf(error) {
    if (error instanceof PromptError) {
        const { message, code, category, details } = error;
        return { message, code, category, details: { category, ...details } };
    }
    if (error instanceof AppError) {
        return { message: error.message, code: error.code, category: 'internal', details: error.details };
    }
    return {
        message: 'An internal error occurred.',
        code: 'INTERNAL_ERROR',
        category: 'internal',
        details: undefined,
    };
}
//# sourceMappingURL=failures.js.map