import type { Clock } from '../../utils/clock.js';
export interface BreakerOptions {
    /** Failures in a row that open it. */
    readonly failureThreshold: number;
    /** First time that it stays open, ms; doubled each time a probe fails. */
    readonly resetTimeoutMs: number;
    readonly maxResetTimeoutMs: number;
}
export type BreakerStateName = 'CLOSED' | 'OPEN' | 'HALF_OPEN';
/** Times are epoch ms. */
export interface BreakerSnapshot {
    readonly state: BreakerStateName;
    readonly forced: boolean;
    /** Failures in a row. */
    readonly failures: number;
    readonly failureThreshold: number;
    /** How long it stays open, or would if it opened now. */
    readonly resetTimeoutMs: number;
    readonly lastFailureTime: number | null;
    readonly nextAttemptTime: number | null;
    readonly successCount: number;
    readonly totalRequests: number;
    /** Failures of all requests, 0..1. */
    readonly errorRate: number;
}
/**
 * A circuit breaker that is told what happened and asked what may be tried; it calls nothing itself, so checks
 * and jobs feed the same one. It goes by the monotonic clock: a wall clock that jumps neither opens nor keeps it.
 */
export declare class CircuitBreaker {
    #private;
    constructor(options: BreakerOptions, clock: Clock);
    get state(): BreakerStateName;
    /** Whether it was opened by hand. */
    get isForced(): boolean;
    /** Whether it was opened by its jobs and let back in by a check: the next job decides. */
    get isOnTrial(): boolean;
    /** Milliseconds until a probe is let through; 0 when one may go, or none is needed. */
    get msUntilProbe(): number;
    get snapshot(): BreakerSnapshot;
    /** Opens it until `close` is called; what is recorded meanwhile is counted and changes nothing. */
    forceOpen(): void;
    /** Closes it, whoever opened it, and forgets the failures in a row. */
    close(): void;
    /**
     * Asks to try the instance once. An open breaker lets one probe through when its reset time is over and stays
     * half-open until that probe's end is recorded.
     */
    tryPass(): boolean;
    recordSuccess(): void;
    /** A job went well: an instance on trial has passed it. */
    passTrial(): void;
    /** Opens it because of its jobs, whatever the checks say; for longer each time until a job goes well. */
    trip(): void;
    recordFailure(): void;
}
