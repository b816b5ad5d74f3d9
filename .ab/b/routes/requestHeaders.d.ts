import type { Request } from 'express';
/**
 * What a client calls a submission that it may have to send again.
 * @throws AppError `INVALID_PARAMETER`
 */
export declare function idempotencyKey(request: Request): string | undefined;
/** Seconds that a client would rather wait for a result (RFC 7240, `Prefer: wait=N`); undefined when it does not say. */
export declare function waitSeconds(request: Request): number | undefined;
