/**
 * Reads a `Retry-After`, in seconds or as an HTTP date.
 * @param now epoch ms
 * @returns seconds; undefined if it is missing or neither
 */
export function retryAfterSeconds(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return seconds;
  // The obsolete form of asctime names no zone, but is in GMT as well.
  const time = Date.parse(header.endsWith('GMT') ? header : `${header} GMT`);
  return Number.isFinite(time) ? Math.max(0, (time - now) / 1000) : undefined;
}
