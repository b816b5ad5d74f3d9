/** The value in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

/** Milliseconds that one thing takes. */
async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** Median milliseconds of `count` goes, one after the other. */
export async function oneByOne(count: number, work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < count; n += 1) times.push(await timeOf(work));
  return median(times);
}

/** Goes a second, with `width` at a time. */
export async function perSecond(count: number, width: number, work: () => Promise<unknown>): Promise<number> {
  let left = count;
  const lane = async () => {
    while (left > 0) {
      left -= 1;
      await work();
    }
  };
  const ms = await timeOf(() => Promise.all(Array.from({ length: width }, lane)));
  return (1000 * count) / ms;
}

/**
 * Measures two things by turns, A B A B, so that what else the machine does hits both.
 * @param warmUp rounds before those that count, until both are compiled
 * @returns the median of each, and of their ratio round by round
 */
export async function byTurns(
  rounds: number,
  a: () => Promise<number>,
  b: () => Promise<number>,
  warmUp = 0,
): Promise<{ a: number; b: number; ratio: number }> {
  const all: Array<{ a: number; b: number }> = [];
  for (let n = -warmUp; n < rounds; n += 1) {
    const round = { a: await a(), b: await b() };
    if (n >= 0) all.push(round);
  }
  return {
    a: median(all.map((round) => round.a)),
    b: median(all.map((round) => round.b)),
    ratio: median(all.map((round) => round.a / round.b)),
  };
}
