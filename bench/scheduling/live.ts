/**
 * `npm run bench:fleet`: small scenarios of `bench:scheduling` with the server and simulated machines over real sockets, compared
 * with virtual time. Fails if they differ by more than 15 %.
 */
import { LiveFleet } from './LiveFleet.js';
import { RealPolicy } from './policies.js';
import { randomNumbers } from './random.js';
import { type Run, type Scenario, type SimulatedJob, type SimulatedMachine, simulate } from './simulate.js';

const JOB_MS = 1000;
const SWITCH_MS = 3000;
const SLOTS = 2;
/** Arrival of the measured jobs, after those that reveal the speeds, virtual ms. */
const LATER = 1_000_000;
const TOLERANCE = 0.15;

interface Line {
  readonly name: string;
  readonly scenario: Scenario;
}

const jobs = (count: number, parts: (n: number) => Partial<SimulatedJob>): SimulatedJob[] =>
  Array.from({ length: count }, (_, n) => ({
    id: `${n}`,
    client: 'A',
    workflow: 'w',
    models: [],
    priority: 0,
    arrivesAt: 0,
    workMs: JOB_MS,
    ...parts(n),
  }));

const machine = (id: string, speed = 1): SimulatedMachine => ({ id, speedAt: () => speed });

function switching(machines: number): Line {
  const random = randomNumbers(7);
  const scenario = {
    jobs: jobs(16 * machines, () => {
      const workflow = random() < 0.5 ? 'x' : 'y';
      return { workflow, models: [workflow] };
    }),
    machines: Array.from({ length: machines }, (_, n) => machine(`m${n}`)),
    switchMs: SWITCH_MS,
    slots: SLOTS,
  };
  return { name: `two workflows at random, switch 3 s, job 1 s, ${machines} machines`, scenario };
}

function speeds(all: readonly number[], count: number): Line {
  const workMs = JOB_MS * Math.max(...all);
  const before = jobs(4 * all.length, (n) => ({ id: `before ${n}`, workMs }));
  const later = jobs(count, () => ({ arrivesAt: LATER, workMs }));
  const machines = all.map((speed, n) => machine(`m${n}`, speed));
  const scenario = { jobs: [...before, ...later], machines, switchMs: 0, slots: SLOTS };
  return { name: `speeds ${all.join(' : ')}, ${count} jobs at once`, scenario };
}

function inARow(): Line {
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

function otherUsers(): Line {
  const machines = [{ ...machine('m0'), others: { prompts: 20, ms: JOB_MS } }, machine('m1')];
  const scenario = { jobs: jobs(4, () => ({})), machines, switchMs: 0, slots: SLOTS };
  return { name: '20 prompts of other users on one of two machines, four jobs', scenario };
}

/** Time from the arrival of the measured jobs to the last result, seconds. */
function makespan({ jobs: all, chain = [] }: Scenario, { makespanMs }: Run, isVirtual: boolean): number {
  const since = isVirtual ? Math.max(...[...all, ...chain].map(({ arrivesAt }) => arrivesAt)) : 0;
  return (makespanMs - since) / 1000;
}

process.stdout.write(
  '| scenario | makespan, virtual time | real sockets | ratio | |\n|---|---|---|---|---|\n',
);
for (const { name, scenario } of [
  switching(1),
  switching(2),
  speeds([1, 5], 8),
  speeds([1, 1, 2, 5], 12),
  inARow(),
  otherUsers(),
]) {
  const virtual = makespan(scenario, simulate(scenario, new RealPolicy(SLOTS)), true);
  const live = makespan(scenario, await LiveFleet.run(scenario), false);
  const ratio = live / virtual;
  const isNear = Math.abs(ratio - 1) <= TOLERANCE;
  const figures = [
    `${virtual.toFixed(1)} s`,
    `${live.toFixed(1)} s`,
    ratio.toFixed(2),
    isNear ? 'yes' : 'no',
  ];
  process.stdout.write(`| ${name} | ${figures.join(' | ')} |\n`);
  if (!isNear) process.exitCode = 1;
}
