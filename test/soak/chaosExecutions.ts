import type { SimulatorProcess } from '../support/fleet.js';

type State = Awaited<ReturnType<SimulatorProcess['state']>>;

interface Executions {
  readonly count: number;
  /** Executions of jobs whose earlier prompt was lost with a killed machine. */
  readonly repeatedAfterLoss: number;
  /** Prompts that repeated work although the machine of an earlier one was not killed, by a hash of their input files. */
  readonly needless: ReadonlyMap<string, readonly string[]>;
}

/** Counts how often machines processed each image: each image belongs to one job. */
export function executionsOf(states: readonly State[]): Executions {
  const lost = new Set(states.flatMap((state) => state.lost));
  const byFiles = new Map<string, Array<{ id: string; at: number }>>();
  for (const { files, ...run } of states.flatMap(({ runs }) => runs)) {
    byFiles.set(files, [...(byFiles.get(files) ?? []), run]);
  }
  const needless = new Map<string, readonly string[]>();
  let repeatedAfterLoss = 0;
  for (const [files, runs] of byFiles) {
    const earlier = runs.sort((a, b) => a.at - b.at).slice(0, -1);
    if (earlier.every(({ id }) => lost.has(id))) repeatedAfterLoss += earlier.length;
    else
      needless.set(
        files,
        runs.map(({ id }) => id),
      );
  }
  return { count: states.reduce((sum, { runs }) => sum + runs.length, 0), repeatedAfterLoss, needless };
}
