// What the server adds to ComfyUI, as ratios within one run. npm run bench [-- --quick] [--only sync,wide]
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { asyncJobs, balance, start, syncJobs, wideJobs } from './cases.js';
import { eventLoop, memory, statuses, submissions } from './keeping.js';
import type { Effort, Row } from './rows.js';
import { scale } from './scale.js';

const RESULTS = path.resolve(import.meta.dirname, 'results');

const CASES: Readonly<Record<string, (effort: Effort) => Promise<Row[]>>> = {
  sync: syncJobs,
  wide: wideJobs,
  async: asyncJobs,
  balance,
  submissions,
  statuses,
  scale,
  memory,
  eventLoop,
  start,
};

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
});
const effort: Effort = values.quick
  ? { rounds: 3, goes: 40, isQuick: true }
  : { rounds: 7, goes: 160, isQuick: false };
const chosen = Object.entries(CASES).filter(
  ([name]) => !values.only || values.only.split(',').includes(name),
);

const lines = ['| case | measured | compared with | ratio | must reach | |', '|---|---|---|---|---|---|'];
process.stdout.write(`${lines.join('\n')}\n`);
for (const [, measure] of chosen) {
  for (const { name, measured, comparedWith, ratio, mustReach, isReached } of await measure(effort)) {
    const cells = [name, measured, comparedWith, ratio.toFixed(2), mustReach, isReached ? 'yes' : 'no'];
    lines.push(`| ${cells.join(' | ')} |`);
    process.stdout.write(`${lines.at(-1)}\n`);
  }
}
// A part of the table is not the table.
if (!values.quick && !values.only) {
  await mkdir(RESULTS, { recursive: true });
  const about = `Node ${process.version}, ${cpus().length} cores, ${new Date().toISOString().slice(0, 10)}. Limits are raised: 8 jobs a machine, 16 in all, a queue without bounds (2 and 4 in the two balance cases).`;
  await writeFile(path.join(RESULTS, 'latest.md'), `${about}\n\n${lines.join('\n')}\n`);
}
