import type { SimulatedJob, SimulatedMachine } from './simulate.js';

/** Number of jobs at the same time on one machine: the default of `MAX_JOBS_PER_INSTANCE`. */
export const SLOTS = 2;

/** Arrival of the measured jobs, after those that reveal the speeds, virtual ms. */
export const LATER = 1_000_000;

/** A job of client A and workflow `w`, without models, unless `parts` says otherwise. */
export const simulatedJob = (
  id: string,
  workMs: number,
  parts: Partial<SimulatedJob> = {},
): SimulatedJob => ({
  id,
  client: 'A',
  workflow: 'w',
  models: [],
  priority: 0,
  arrivesAt: 0,
  workMs,
  ...parts,
});

export const machine = (id: string, speed = 1, parts: Partial<SimulatedMachine> = {}): SimulatedMachine => ({
  id,
  speedAt: () => speed,
  ...parts,
});
