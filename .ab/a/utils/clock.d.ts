/** The time, handed to everything that needs it so that tests can hand in their own. */
export interface Clock {
    /** Epoch milliseconds that only ever move forward. */
    now(): number;
}
/**
 * The process's start plus the monotonic time since. A wall clock that is set by an hour moves neither a
 * timeout, nor a lifetime, nor a measured duration, and dates still read as dates.
 */
export declare const systemClock: Clock;
/** An epoch-millisecond time as ISO-8601 UTC. */
export declare function toIso(epochMs: number): string;
/** The same, null for a time that has not come yet. */
export declare function isoOrNull(epochMs: number | null | undefined): string | null;
/** Milliseconds as seconds with millisecond precision. */
export declare function toSeconds(ms: number): number;
