// Runs random jobs, cancels, disconnects, faults and restarts of simulated machines, adds and removes machines, and checks the
// balance at the end.
//   npm run soak -- --minutes 2 --seed 1 [--calm] [--queue redis]
// Or runs jobs with distinct images on machines that share their folders, and compares each result with its image.
//   npm run soak -- --jobs 1000 --seed 1
import { parseArgs } from 'node:util';
import { checkIntegrity } from '../test/soak/integrity.js';
import { type MemorySample, soak } from '../test/soak/soak.js';
import { queueKind } from '../test/support/QueueKind.js';

/** Memory grows while everything is used for the first time: this share of the run is excluded from the slope. */
const WARM_UP = 0.2;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    jobs: { type: 'string' },
    seed: { type: 'string', default: '1' },
    calm: { type: 'boolean', default: false },
    queue: { type: 'string', default: 'memory' },
  },
});
const seconds = Number(values.minutes) * 60;
const say = (line: string) => process.stdout.write(`${line}\n`);

if (values.jobs === undefined) await soakForSomeTime();
else await runJobs(Number(values.jobs));

async function runJobs(jobs: number): Promise<void> {
  const startedAt = performance.now();
  const { wrong, mischief, ...figures } = await checkIntegrity({ jobs, seed: Number(values.seed) });
  for (const [name, value] of Object.entries({ ...figures, wrong: wrong.length })) {
    say(`${name.padEnd(20)} ${typeof value === 'object' ? JSON.stringify(value) : value}`);
  }
  const disturbances = Object.values(mischief).reduce((sum, n) => sum + n, 0);
  say(`${disturbances} disturbances of ${Object.keys(mischief).length} kinds, seed ${values.seed}`);
  say(`${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  say(wrong.length === 0 ? 'Every result is of its picture.' : `WRONG:\n${wrong.slice(0, 50).join('\n')}`);
  process.exitCode = wrong.length === 0 ? 0 : 1;
}

async function soakForSomeTime(): Promise<void> {
  const { balance, memory, mischief, changes, descriptors } = await soak({
    seconds,
    seed: Number(values.seed),
    isCalm: values.calm,
    queue: queueKind(values.queue),
    onSample: ({ at, rssMb }, count) => {
      if (at % 30 < 5)
        say(`${String(at).padStart(5)} s  ${String(rssMb).padStart(6)} MB  ${count} disturbances`);
    },
  });
  say(`\nseed ${values.seed}, ${values.minutes} minutes`);
  for (const [name, value] of Object.entries({ ...balance, mischief, changes })) {
    if (name !== 'wrong') say(`${name.padEnd(10)} ${JSON.stringify(value)}`);
  }
  say(`descriptors ${descriptors[0]} before, ${descriptors[1]} after`);
  say(memoryLine(memory.filter(({ at }) => at >= seconds * WARM_UP)));
  say(heapLine(memory));
  say(
    balance.wrong.length === 0 ? 'The balance is right.' : `WRONG:\n${balance.wrong.slice(0, 50).join('\n')}`,
  );
  process.exitCode = balance.wrong.length === 0 ? 0 : 1;
}

/** The heap after garbage collection: the minimum of the first fifth and of the last. */
function heapLine(samples: readonly MemorySample[]): string {
  const least = (from: number, to: number) =>
    Math.min(...samples.filter(({ at }) => at >= from && at <= to).map(({ heapMb }) => heapMb));
  return `heap at least: ${least(0, seconds * WARM_UP)} MB in the first fifth, ${least(seconds * (1 - WARM_UP), seconds)} MB in the last`;
}

/** Linear regression over the samples: megabytes per hour. */
function memoryLine(samples: readonly MemorySample[]): string {
  const first = samples[0];
  const last = samples.at(-1);
  if (!first || !last) return 'resident memory: not enough samples';
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanAt, meanRss] = [mean(samples.map(({ at }) => at)), mean(samples.map(({ rssMb }) => rssMb))];
  const covariance = samples.reduce((sum, { at, rssMb }) => sum + (at - meanAt) * (rssMb - meanRss), 0);
  const variance = samples.reduce((sum, { at }) => sum + (at - meanAt) ** 2, 0);
  const slope = variance === 0 ? 0 : (3600 * covariance) / variance;
  const highest = Math.max(...samples.map(({ rssMb }) => rssMb));
  return `resident memory: ${first.rssMb} MB after ${first.at} s, ${last.rssMb} MB after ${last.at} s, ${highest} MB at most, slope ${slope.toFixed(1)} MB/h`;
}
