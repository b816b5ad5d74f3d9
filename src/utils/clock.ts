/** The time, passed to everything that needs it, so that tests can supply their own. */
export interface Clock {
  /** Epoch milliseconds that never go back while the server runs. */
  now(): number;
}

/**
 * The process's start plus the monotonic time since. So changes of the system clock affect neither timeouts nor
 * lifetimes nor durations.
 */
export const systemClock: Clock = {
  now: () => Math.round((performance.timeOrigin + performance.now()) * 1000) / 1000,
};

/** An epoch-millisecond time as ISO-8601 UTC. */
export function toIso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** The same, null for no time. */
export function isoOrNull(epochMs: number | null | undefined): string | null {
  return epochMs === null || epochMs === undefined ? null : toIso(epochMs);
}

/** Milliseconds as seconds with millisecond precision. */
export function toSeconds(ms: number): number {
  return Math.round(ms) / 1000;
}
