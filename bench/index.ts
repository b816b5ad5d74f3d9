// The overhead of the server compared with ComfyUI, as ratios within one run.
// npm run bench [-- --quick] [--only sync,wide] [--against FOLDER]
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { against } from './against.js';
import { assets } from './assets.js';
import { asyncJobs, balance, start, syncJobs, wideJobs } from './cases.js';
import { eventLoop, statuses, submissions } from './keeping.js';
import { memory } from './memory.js';
import { native } from './native.js';
import { Pair } from './pair.js';
import { pngCosts } from './pngCosts.js';
import { redis } from './redis.js';
import type { Effort, Row } from './rows.js';
import { scale } from './scale.js';
import { uploadAndPreview } from './ways.js';

const RESULTS = path.resolve(import.meta.dirname, 'results');

/** Measured in this process while it is new. */
const HERE = { scale } as const;
/** Cases that run one after the other on the same machines and server. */
const ON_A_PAIR = { sync: syncJobs, wide: wideJobs, async: asyncJobs, eventLoop } as const;
/** Cases that start their own processes. */
const APART = { native, assets, redis, pngCosts, submissions, statuses, start } as const;
/** Cases that wait most of the time: one for machines, the other for expiry. */
const WAITING = { balance, memory } as const;

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    against: { type: 'string' },
  },
});
const effort: Effort = values.quick
  ? { rounds: 3, goes: 40, warmUps: 3, isQuick: true }
  : { rounds: 7, goes: 160, warmUps: 8, isQuick: false };
const names = values.only?.split(',');
const unknown = names?.filter((name) => !(name in { ...HERE, ...ON_A_PAIR, ...APART, ...WAITING }));
if (unknown && unknown.length > 0) throw new Error(`No such case: ${unknown.join(', ')}.`);
const chosen = <Case>(cases: Readonly<Record<string, Case>>): Case[] =>
  Object.entries(cases).flatMap(([name, measure]) => (names && !names.includes(name) ? [] : [measure]));

const lines = ['| case | measured | compared with | ratio | must reach | |', '|---|---|---|---|---|---|'];
process.stdout.write(`${lines.join('\n')}\n`);
const startedAt = performance.now();
if (values.against !== undefined) {
  print(await against(values.against, effort));
  process.exit();
}
for (const measure of chosen(HERE)) print(await measure(effort));
const onAPair = chosen(ON_A_PAIR);
if (onAPair.length > 0) {
  const pair = await Pair.start(values.quick ? 1000 : 2000, uploadAndPreview);
  for (const measure of onAPair) print(await measure(effort, pair));
  await pair.stop();
}
for (const measure of chosen(APART)) print(await measure(effort));
const waiting = chosen(WAITING);
if (values.quick) print((await Promise.all(waiting.map((measure) => measure(effort)))).flat());
else for (const measure of waiting) print(await measure(effort));
process.stdout.write(`\n${Math.round((performance.now() - startedAt) / 1000)} seconds\n`);

// A partial table must not replace the full one.
if (!values.quick && !names) {
  await mkdir(RESULTS, { recursive: true });
  const about = `Node ${process.version}, ${cpus().length} cores, ${new Date().toISOString().slice(0, 10)}. Limits are raised: 8 jobs a machine, 16 in all, a queue without bounds (2 and 4 in the two balance cases).`;
  await writeFile(path.join(RESULTS, 'latest.md'), `${about}\n\n${lines.join('\n')}\n`);
}

function print(rows: readonly Row[]): void {
  for (const { name, measured, comparedWith, ratio, mustReach, isReached } of rows) {
    const verdict = mustReach === '' ? '' : isReached ? 'yes' : 'no';
    const cells = [name, measured, comparedWith, ratio.toFixed(2), mustReach, verdict];
    lines.push(`| ${cells.join(' | ')} |`);
    process.stdout.write(`${lines.at(-1)}\n`);
  }
}
