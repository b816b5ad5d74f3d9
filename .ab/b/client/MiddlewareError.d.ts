import type { z } from 'zod';
import type { ErrorCode } from '../errors.js';
import type { errorAnswer } from '../schemas/common.js';
type ErrorBody = z.output<typeof errorAnswer>;
/** An answer of the server that is an error, with what it says. */
export declare class MiddlewareError extends Error {
    /** HTTP status. */
    readonly status: number;
    /** One of the server's codes; undefined where something in between answered, such as a proxy. */
    readonly code: ErrorCode | undefined;
    readonly details: ErrorBody['details'];
    readonly requestId: string | undefined;
    readonly jobId: string | undefined;
    /** Seconds after which to try again, where the server says so. */
    readonly retryAfterSeconds: number | undefined;
    private constructor();
    /** Reads an answer that is no success. */
    static from(response: Response): Promise<MiddlewareError>;
}
export {};
