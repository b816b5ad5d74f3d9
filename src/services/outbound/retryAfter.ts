/**
 * Reads a `Retry-After`, in seconds or as an HTTP date.
 * @param now epoch ms
 * @returns seconds; undefined if it is missing or neither
 */
export function retryAfterSeconds(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  // Some servers send fractions.
  if (/^\d{1,15}(\.\d+)?$/.test(header)) return Number(header);
  // Otherwise `Date.parse` finds dates in numbers.
  if (!/^[A-Z][a-z]{2}/.test(header)) return undefined;
  // The obsolete form of asctime names no zone, but is in GMT as well.
  const time = Date.parse(header.endsWith('GMT') ? header : `${header} GMT`);
  return Number.isFinite(time) ? Math.max(0, (time - now) / 1000) : undefined;
}
