/** Numbers for people: rounded, and null without data. */

/** Rounds to this many decimals. */
export function rounded<T extends number | null>(value: T, decimals: number): T {
  if (value === null) return value;
  const factor = 10 ** decimals;
  return (Math.round((value as number) * factor) / factor) as T;
}

/** Milliseconds as seconds, to the microsecond. */
export function seconds(ms: number | null): number | null {
  return ms === null ? null : rounded(ms / 1000, 6);
}

/** Milliseconds as hours, to the second or so. */
export function hours(ms: number): number {
  return rounded(ms / 3_600_000, 4);
}

/** `part` of `whole` in percent; 0 if `whole` is 0. */
export function share(part: number, whole: number): number {
  return whole === 0 ? 0 : rounded((100 * part) / whole, 2);
}

/** Weight of the newest value in a moving average. */
const NEWEST_WEIGHT = 0.2;

/** Adds a value to an exponential moving average; the first value is the average. */
export function movingAverage(before: number | undefined, value: number): number {
  return before === undefined ? value : before + NEWEST_WEIGHT * (value - before);
}
