/**
 * `npm run bench:scheduling`: the server's scheduler in virtual time, compared with FIFO and least load. Seeded: the table is
 * always the same, except for the last row.
 */

import { type Case, cases } from './cases.js';
import { decisionTimes } from './decisionTimes.js';
import { OldestFirst, RealPolicy } from './policies.js';
import { simulate } from './simulate.js';

interface Line {
  readonly name: string;
  readonly figures: readonly string[];
  readonly target: string;
  readonly isReached: boolean;
}

function lineOf({ name, scenario, measure, format, target, isReached }: Case): Line {
  const { slots } = scenario;
  const policies = [
    new RealPolicy(slots),
    new OldestFirst('FIFO', slots),
    new OldestFirst('least load', slots),
  ];
  const values = policies.map((policy) => measure(simulate(scenario, policy)));
  const [ours = Number.NaN, fifo = Number.NaN] = values;
  return { name, figures: values.map(format), target, isReached: isReached(ours, fifo) };
}

const started = performance.now();
const lines = cases().map(lineOf);
const seconds = (performance.now() - started) / 1000;
const times = decisionTimes();
const ms = (value: number) => `${value.toFixed(2)} ms`;
lines.push({
  name: '10,000 waiting jobs, 200 machines: CPU time of one decision',
  figures: [
    `${ms(times.mean)}; median ${ms(times.median)}, P95 ${ms(times.p95)}, P99 ${ms(times.p99)}`,
    '',
    '',
  ],
  target: '< 1 ms',
  isReached: times.mean < 1,
});
const rows = lines.map(
  ({ name, figures, target, isReached }) =>
    `| ${name} | ${figures.join(' | ')} | ${target} | ${isReached ? 'yes' : 'no'} |`,
);
const table = [
  '| scenario | scheduler | FIFO | least load | target | |',
  '|---|---|---|---|---|---|',
  ...rows,
];
process.stdout.write(`${table.join('\n')}\n\n${seconds.toFixed(1)} s of real time\n`);
if (lines.some(({ isReached }) => !isReached)) process.exitCode = 1;
