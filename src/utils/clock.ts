/** The time, handed to everything that needs it so that tests can hand in their own. */
export interface Clock {
  /** Epoch milliseconds that only ever move forward. */
  now(): number;
}

/**
 * The process's start plus the monotonic time since. A wall clock that is set by an hour moves neither a
 * timeout, nor a lifetime, nor a measured duration, and dates still read as dates.
 */
export const systemClock: Clock = {
  now: () => Math.round((performance.timeOrigin + performance.now()) * 1000) / 1000,
};

/** An epoch-millisecond time as ISO-8601 UTC. */
export function toIso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** The same, null for a time that has not come yet. */
export function isoOrNull(epochMs: number | null | undefined): string | null {
  return epochMs === null || epochMs === undefined ? null : toIso(epochMs);
}

/** Milliseconds as seconds with millisecond precision. */
export function toSeconds(ms: number): number {
  return Math.round(ms) / 1000;
}
