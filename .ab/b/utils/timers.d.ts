/** Largest delay that a Node timer keeps; beyond it `setTimeout` fires at once. */
export declare const MAX_TIMER_MS = 2147483647;
/**
 * Waits `ms` milliseconds.
 * @returns true when the time passed, false when `signal` was aborted first. Never rejects.
 */
export declare function sleep(ms: number, signal?: AbortSignal): Promise<boolean>;
/** A backoff of `base * 2^failures` up to `max`, of which the upper half is random so that clients spread out. */
export declare function backoffWithJitter(failures: number, base: number, max: number): number;
