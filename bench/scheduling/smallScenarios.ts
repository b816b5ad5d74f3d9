import { LATER, machine, SLOTS, simulatedJob } from './parts.js';
import { randomNumbers } from './random.js';
import type { Run, Scenario, SimulatedJob } from './simulate.js';

const JOB_MS = 1000;
const SWITCH_MS = 3000;
/** A scenario for real time. */
export interface SmallScenario {
  readonly name: string;
  readonly scenario: Scenario;
}

const jobs = (count: number, parts: (n: number) => Partial<SimulatedJob>): SimulatedJob[] =>
  Array.from({ length: count }, (_, n) => simulatedJob(`${n}`, JOB_MS, parts(n)));

export function switching(machines: number, jobsPerMachine = 16, seed = 7): SmallScenario {
  const random = randomNumbers(seed);
  const scenario = {
    jobs: jobs(jobsPerMachine * machines, () => {
      const workflow = random() < 0.5 ? 'x' : 'y';
      return { workflow, models: [workflow] };
    }),
    machines: Array.from({ length: machines }, (_, n) => machine(`m${n}`)),
    switchMs: SWITCH_MS,
    slots: SLOTS,
  };
  return {
    name: `two workflows at random, switch 3 s, job 1 s, ${scenario.jobs.length} jobs, ${machines} machines`,
    scenario,
  };
}

export function speeds(all: readonly number[], count: number): SmallScenario {
  const workMs = JOB_MS * Math.max(...all);
  const before = jobs(4 * all.length, (n) => ({ id: `before ${n}`, workMs }));
  const later = jobs(count, () => ({ arrivesAt: LATER, workMs }));
  const machines = all.map((speed, n) => machine(`m${n}`, speed));
  const scenario = { jobs: [...before, ...later], machines, switchMs: 0, slots: SLOTS };
  return { name: `speeds ${all.join(' : ')}, ${count} jobs at once`, scenario };
}

export function inARow(): SmallScenario {
  const workMs = 5 * JOB_MS;
  const scenario = {
    jobs: jobs(8, (n) => ({ id: `before ${n}`, workMs })),
    chain: jobs(8, (n) => ({ id: `row ${n}`, workMs, arrivesAt: LATER })),
    machines: [machine('slow', 1), machine('fast', 5)],
    switchMs: 0,
    slots: SLOTS,
  };
  return { name: 'speeds 1 : 5, eight jobs in a row', scenario };
}

export function otherUsers(): SmallScenario {
  const machines = [machine('m0', 1, { others: { prompts: 20, ms: JOB_MS } }), machine('m1')];
  const scenario = { jobs: jobs(4, () => ({})), machines, switchMs: 0, slots: SLOTS };
  return { name: '20 prompts of other users on one of two machines, four jobs', scenario };
}

/** Time from the arrival of the measured jobs to the last result, seconds. */
export function makespan(
  { jobs: all, chain = [] }: Scenario,
  { makespanMs }: Run,
  isVirtual: boolean,
): number {
  const since = isVirtual ? Math.max(...[...all, ...chain].map(({ arrivesAt }) => arrivesAt)) : 0;
  return (makespanMs - since) / 1000;
}
