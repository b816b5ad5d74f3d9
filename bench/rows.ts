/** One line of the table. */
export interface Row {
  readonly name: string;
  readonly measured: string;
  readonly comparedWith: string;
  readonly ratio: number;
  /** `<=` or `>=` and the value; empty for a row that is only for comparison. */
  readonly mustReach: string;
  readonly isReached: boolean;
}

/** Number of repetitions: more is steadier and takes longer. */
export interface Effort {
  readonly rounds: number;
  /** Small runs per round. */
  readonly goes: number;
  /** Uncounted rounds before the others, until a new server is compiled. */
  readonly warmUps: number;
  /** Whether a quick rough result is enough. */
  readonly isQuick: boolean;
}

/** @param must `<=` or `>=` and the value that the ratio must reach */
export function row(
  name: string,
  parts: { measured: string; comparedWith: string; ratio: number },
  must = '',
): Row {
  const bound = Number(must.slice(2));
  const isReached = must === '' || (must.startsWith('<=') ? parts.ratio <= bound : parts.ratio >= bound);
  return { name, ...parts, mustReach: must, isReached };
}

export const milliseconds = (value: number) => `${value.toFixed(value < 10 ? 2 : 1)} ms`;
export const jobsPerSecond = (value: number) => `${value.toFixed(value < 10 ? 2 : 1)} jobs/s`;
