/** Minimum rest of a job that takes longer than expected, as a share of its elapsed time: the rest is unknown, but not zero. */
const OVERRUN = 0.2;

/** Returns the milliseconds that a running job still needs, as far as can be estimated. */
export const restMs = (expectedMs: number, elapsedMs: number): number =>
  Math.max(expectedMs - elapsedMs, OVERRUN * elapsedMs);
