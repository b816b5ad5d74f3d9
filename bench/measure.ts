/** The value in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

/** Duration of one run of `work`, in milliseconds. */
async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** Median milliseconds of `count` sequential runs. */
export async function oneByOne(count: number, work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < count; n += 1) times.push(await timeOf(work));
  return median(times);
}

/** Runs per second with concurrency `width`. */
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
 * Measures two things alternately, A B A B, so that other load on the computer affects both.
 * @param warmUp uncounted rounds before the others, until both are compiled
 * @returns the median of each, and of their ratio per round
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
