import { beginInTime, earliestEnd } from './optimum.js';
import { LATER, machine, SLOTS, simulatedJob } from './parts.js';
import { randomNumbers } from './random.js';
import type { Run, Scenario, SimulatedJob, SimulatedMachine } from './simulate.js';

/** One line of the table. */
export interface Case {
  readonly name: string;
  readonly scenario: Scenario;
  readonly measure: (run: Run) => number;
  readonly format: (value: number) => string;
  readonly target: string;
  /** @param fifo result of FIFO */
  readonly isReached: (value: number, fifo: number) => boolean;
}

const JOB_MS = 3000;
const SWITCH_MS = 10_000;

const ratio = (value: number) => value.toFixed(2);
const inSeconds = (value: number) => `${(value / 1000).toFixed(1)} s`;

const job = (id: string, parts: Partial<SimulatedJob> = {}) => simulatedJob(id, JOB_MS, parts);

const many = (count: number, make: (n: number) => SimulatedJob): SimulatedJob[] =>
  Array.from({ length: count }, (_, n) => make(n));

/** Time from arrival to execution, for jobs that need no switch. */
const waits = ({ finished }: Run, which: (one: SimulatedJob) => boolean = () => true): number[] =>
  finished.filter((one) => which(one.job)).map((one) => one.endedAt - one.job.arrivesAt - one.job.workMs);

const longest = (values: readonly number[]) => values.reduce((most, value) => Math.max(most, value), 0);

export function cases(): Case[] {
  return [
    ...[1, 2, 8].flatMap(switching),
    ...[8, 200].map((jobs) => speeds([1, 5], jobs)),
    ...[8, 200].map((jobs) => speeds([1, 1, 2, 5], jobs)),
    cold(),
    inARow(),
    otherUsers(),
    fairness(),
    priorities(),
    deadlines(),
    rareWorkflow(),
    slower(),
    joinsAndLeaves(),
  ];
}

/** Two workflows in random order, all at once. */
function switching(machines: number): Case[] {
  const random = randomNumbers(machines);
  const count = 300 * machines;
  const workflow = () => (random() < 0.5 ? 'x' : 'y');
  const jobs = many(count, (n) => {
    const type = workflow();
    return job(`${n}`, { workflow: type, models: [`${type}.safetensors`] });
  });
  const scenario: Scenario = {
    jobs,
    machines: Array.from({ length: machines }, (_, n) => machine(`m${n}`)),
    switchMs: SWITCH_MS,
    slots: SLOTS,
  };
  const idealMs = (count * JOB_MS) / machines;
  const where = machines === 1 ? '1 machine' : `${machines} machines`;
  const arriving: Scenario = {
    ...scenario,
    // At half of the maximum throughput without switches; FIFO cannot reach that.
    jobs: jobs.map((one, n) => ({ ...one, arrivesAt: (n * JOB_MS) / (0.8 * machines) })),
  };
  return [
    {
      name: `two workflows at random, switch 10 s, job 3 s, ${where}: throughput of that without any switch`,
      scenario,
      measure: ({ makespanMs }) => idealMs / makespanMs,
      format: ratio,
      target: '>= 0.9',
      isReached: (value) => value >= 0.9,
    },
    {
      name: `the same, at 80 % of that throughput, ${where}: longest wait`,
      scenario: arriving,
      measure: (run) => longest(waits(run)),
      format: inSeconds,
      target: "<= 2 x FIFO's",
      isReached: (value, fifo) => value <= 2 * fifo,
    },
  ];
}

/** Speeds are known from ten earlier jobs. */
function speeds(all: readonly number[], count: number): Case {
  const machines = all.map((speed, n) => machine(`m${n}`, speed));
  const workMs = JOB_MS * Math.max(...all);
  const before = many(5 * all.length, (n) => job(`before ${n}`, { workMs }));
  const jobs = many(count, (n) => job(`${n}`, { workMs, arrivesAt: LATER }));
  const optimum = earliestEnd(count, workMs, machines);
  return {
    name: `speeds ${all.join(' : ')}, ${count} jobs at once: makespan by the optimum`,
    scenario: { jobs: [...before, ...jobs], machines, switchMs: 0, slots: SLOTS },
    measure: ({ makespanMs }) => (makespanMs - LATER) / optimum,
    format: ratio,
    target: '<= 1.1',
    isReached: (value) => value <= 1.1,
  };
}

function cold(): Case {
  const machines = [machine('slow', 1), machine('fast', 5)];
  const workMs = 5 * JOB_MS;
  return {
    name: 'speeds 1 : 5, 200 jobs at once, nothing known before: makespan by the optimum',
    scenario: { jobs: many(200, (n) => job(`${n}`, { workMs })), machines, switchMs: 0, slots: SLOTS },
    measure: ({ makespanMs }) => makespanMs / earliestEnd(200, workMs, machines),
    format: ratio,
    target: '<= 1.1',
    isReached: (value) => value <= 1.1,
  };
}

function inARow(): Case {
  const workMs = 5 * JOB_MS;
  const jobs = many(10, (n) => job(`before ${n}`, { workMs }));
  return {
    name: 'speeds 1 : 5, ten jobs in a row: how many on the slow machine',
    scenario: {
      jobs,
      chain: many(10, (n) => job(`row ${n}`, { workMs, arrivesAt: LATER })),
      machines: [machine('slow', 1), machine('fast', 5)],
      switchMs: 0,
      slots: SLOTS,
    },
    measure: ({ finished }) =>
      finished.filter((one) => one.machine === 'slow' && one.job.id.startsWith('row')).length,
    format: String,
    target: '<= 1',
    isReached: (value) => value <= 1,
  };
}

function otherUsers(): Case {
  return {
    name: '20 prompts of other users on one of two machines, four jobs: the last result',
    scenario: {
      jobs: many(4, (n) => job(`${n}`)),
      machines: [machine('m0', 1, { others: { prompts: 20, ms: JOB_MS } }), machine('m1')],
      switchMs: 0,
      slots: SLOTS,
    },
    measure: ({ makespanMs }) => makespanMs,
    format: inSeconds,
    target: '<= 12 s',
    isReached: (value) => value <= 4 * JOB_MS,
  };
}

function fairness(): Case {
  const others = ['B', 'C', 'D'].flatMap((client, at) =>
    many(40, (n) => job(`${client} ${n}`, { client, arrivesAt: 60_000 * n + 20_000 * at + 1000 })),
  );
  return {
    name: 'A submits 1,000 jobs, B, C and D one a minute each, one machine: their longest wait in job times',
    scenario: {
      jobs: [...many(1000, (n) => job(`A ${n}`)), ...others],
      machines: [machine('m0')],
      switchMs: 0,
      slots: SLOTS,
    },
    measure: (run) => longest(waits(run, ({ client }) => client !== 'A')) / JOB_MS,
    format: ratio,
    target: '<= 2',
    isReached: (value) => value <= 2,
  };
}

/** For half an hour there are more urgent jobs than the machines can process. */
function priorities(): Case {
  const urgent = many(720, (n) => job(`urgent ${n}`, { client: 'B', priority: 5, arrivesAt: n * 1250 }));
  return {
    name: 'a job of priority -5 beside 120 % of jobs of priority 5, two machines: its wait',
    scenario: {
      jobs: [...urgent, job('low', { priority: -5, arrivesAt: 60_000 })],
      machines: [machine('m0'), machine('m1')],
      switchMs: 0,
      slots: SLOTS,
    },
    measure: (run) => longest(waits(run, ({ priority }) => priority < 0)),
    format: inSeconds,
    target: '<= 145 s (bound 120 s)',
    isReached: (value) => value <= 145_000,
  };
}

function deadlines(): Case {
  const random = randomNumbers(11);
  const jobs = many(600, (n) => {
    const arrivesAt = Math.round(n * 2700 * (0.9 + 0.2 * random()));
    return job(`${n}`, { arrivesAt, deadline: arrivesAt + Math.round(2000 + 40_000 * random()) });
  });
  const possible = beginInTime(jobs);
  return {
    name: 'deadlines of 2 to 42 s, 111 % of what one machine can do: begun in time, of what is possible',
    scenario: { jobs, machines: [machine('m0')], switchMs: 0, slots: 1 },
    measure: ({ finished }) =>
      finished.filter((one) => one.givenAt <= (one.job.deadline ?? 0)).length / possible,
    format: ratio,
    target: '>= 0.87',
    isReached: (value) => value >= 1 / 1.15,
  };
}

function rareWorkflow(): Case {
  const random = randomNumbers(5);
  const usual = new Set(['w']);
  const jobs = many(500, (n) => job(`${n}`, { workflow: random() < 0.19 ? 'rare' : 'w' }));
  return {
    name: 'a workflow that one machine in five can run, a fifth of 500 jobs: makespan by the optimum',
    scenario: {
      jobs,
      machines: [machine('m0'), ...[1, 2, 3, 4].map((n) => machine(`m${n}`, 1, { runs: usual }))],
      switchMs: 0,
      slots: SLOTS,
    },
    measure: ({ makespanMs }) => {
      const rare = jobs.filter(({ workflow }) => workflow === 'rare').length;
      return makespanMs / (JOB_MS * Math.max(rare, Math.ceil(jobs.length / 5)));
    },
    format: ratio,
    target: '<= 1.15',
    isReached: (value) => value <= 1.15,
  };
}

function slower(): Case {
  const slowing: SimulatedMachine = { id: 'm0', speedAt: (time) => (time < 100_000 ? 1 : 0.25) };
  return byOptimum('one of four machines becomes four times slower', [
    slowing,
    machine('m1'),
    machine('m2'),
    machine('m3'),
  ]);
}

function joinsAndLeaves(): Case {
  return byOptimum('one machine joins two others, a faster one, and one leaves', [
    machine('m0'),
    machine('m1', 1, { leavesAt: 200_000 }),
    machine('m2', 2, { joinsAt: 100_000 }),
  ]);
}

function byOptimum(what: string, machines: readonly SimulatedMachine[]): Case {
  const count = 400;
  return {
    name: `${what}, ${count} jobs: makespan by the optimum`,
    scenario: { jobs: many(count, (n) => job(`${n}`)), machines, switchMs: 0, slots: SLOTS },
    measure: ({ makespanMs }) => makespanMs / earliestEnd(count, JOB_MS, machines),
    format: ratio,
    target: '<= 1.15',
    isReached: (value) => value <= 1.15,
  };
}
