/** One line of the table. */
export interface Row {
  readonly name: string;
  readonly measured: string;
  readonly comparedWith: string;
  readonly ratio: number;
  /** `<=` or `>=` and the figure. */
  readonly mustReach: string;
  readonly isReached: boolean;
}

/** How often things are done: more is steadier, and takes longer. */
export interface Effort {
  readonly rounds: number;
  /** Small goes a round. */
  readonly goes: number;
  /** Rounds before those that count, where a server is new: until it is compiled. */
  readonly warmUps: number;
  /** Whether a rough answer soon is worth more than a steady one. */
  readonly isQuick: boolean;
}

/** @param must `<=` or `>=` and the figure that the ratio must reach */
export function row(
  name: string,
  parts: { measured: string; comparedWith: string; ratio: number },
  must: string,
): Row {
  const bound = Number(must.slice(2));
  const isReached = must.startsWith('<=') ? parts.ratio <= bound : parts.ratio >= bound;
  return { name, ...parts, mustReach: must, isReached };
}

export const milliseconds = (value: number) => `${value.toFixed(value < 10 ? 2 : 1)} ms`;
export const jobsPerSecond = (value: number) => `${value.toFixed(value < 10 ? 2 : 1)} jobs/s`;
