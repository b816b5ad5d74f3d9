/** Error codes of the REST contract, and the HTTP status each one is answered with. */
export declare const ERROR_STATUS: {
    readonly NO_IMAGE: 400;
    readonly INVALID_PARAMETER: 400;
    readonly INVALID_IMAGE: 400;
    readonly MALFORMED_UPLOAD: 400;
    readonly TOO_MANY_FILES: 400;
    readonly UNAUTHORIZED: 401;
    readonly FORBIDDEN: 403;
    readonly JOB_NOT_FOUND: 404;
    readonly INSTANCE_NOT_FOUND: 404;
    readonly BREAKER_NOT_FOUND: 404;
    readonly NOT_FOUND: 404;
    readonly METHOD_NOT_ALLOWED: 405;
    readonly REQUEST_TIMEOUT: 408;
    readonly JOB_NOT_COMPLETED: 409;
    readonly JOB_ALREADY_FINISHED: 409;
    readonly RESULT_EXPIRED: 410;
    readonly FILE_TOO_LARGE: 413;
    readonly IMAGE_TOO_LARGE: 413;
    readonly URI_TOO_LONG: 414;
    readonly UNSUPPORTED_IMAGE_TYPE: 415;
    readonly IDEMPOTENCY_KEY_REUSED: 422;
    readonly RATE_LIMITED: 429;
    readonly HEADERS_TOO_LARGE: 431;
    readonly INTERNAL_ERROR: 500;
    readonly WORKFLOW_FAILED: 502;
    readonly WORKFLOW_INVALID: 502;
    readonly QUEUE_FULL: 503;
    readonly NO_HEALTHY_INSTANCES: 503;
    readonly SHUTTING_DOWN: 503;
    readonly SYNC_TIMEOUT: 504;
    readonly JOB_TIMEOUT: 504;
};
export type ErrorCode = keyof typeof ERROR_STATUS;
/** Why a job failed, as operators count it. */
export type ErrorCategory = 'connection_refused' | 'connection_timeout' | 'connection_lost' | 'workflow_validation' | 'execution_error' | 'out_of_memory' | 'processing_timeout' | 'instance_unavailable' | 'result_missing' | 'internal';
/** What an error answer may say beside its message: no stack, no path, no host internals. */
export type ErrorDetails = string | Record<string, unknown>;
interface AppErrorOptions {
    readonly details?: ErrorDetails | undefined;
    readonly cause?: unknown;
    /** Further top-level fields of the answer, such as `job_id` and `status_url`. */
    readonly fields?: Record<string, unknown> | undefined;
    /** Seconds for the `Retry-After` header. */
    readonly retryAfterSeconds?: number | undefined;
}
/** An error whose cause is known: made once where it happens, turned into HTTP in one handler. */
export declare class AppError extends Error {
    readonly code: ErrorCode;
    readonly details: ErrorDetails | undefined;
    readonly fields: Record<string, unknown>;
    readonly retryAfterSeconds: number | undefined;
    constructor(code: ErrorCode, message: string, options?: AppErrorOptions);
    get status(): number;
}
interface PromptErrorOptions {
    readonly category: ErrorCategory;
    /** Whether another instance (or another try) may well succeed. */
    readonly retryable: boolean;
    readonly details?: Record<string, unknown>;
    readonly cause?: unknown;
}
/** A prompt that did not end in an image. `category` says why, `retryable` whether another try makes sense. */
export declare class PromptError extends AppError {
    readonly category: ErrorCategory;
    readonly retryable: boolean;
    readonly details: Record<string, unknown> | undefined;
    constructor(message: string, options: PromptErrorOptions);
}
/** The message of anything that was thrown. */
export declare function messageOf(error: unknown): string;
export {};
