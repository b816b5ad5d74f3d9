// Runs jobs with distinct images through servers with QUEUE=redis, while servers, machines and Redis are killed (`kill -9`).
//   npm run chaos -- --jobs 600 --seed 1 [--pace 200] [--kill 5000]
import { parseArgs } from 'node:util';
import { chaos } from '../test/soak/chaos.js';

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '600' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** Interval between new jobs, ms. */
    pace: { type: 'string', default: '200' },
    /** Interval between kills of a server, ms. */
    kill: { type: 'string', default: '5000' },
  },
});
const say = (line: string) => process.stdout.write(`${line}\n`);

say(`seed ${values.seed}`);
const { wrong, ...figures } = await chaos({
  jobs: Number(values.jobs),
  seed: Number(values.seed),
  paceMs: Number(values.pace),
  killMs: Number(values.kill),
  onEnd: (ended) => {
    if (ended % 50 === 0) say(`${ended} jobs ended`);
  },
});
for (const [name, value] of Object.entries({ ...figures, wrong: wrong.length })) {
  say(`${name.padEnd(20)} ${typeof value === 'object' ? JSON.stringify(value) : value}`);
}
say(
  wrong.length === 0
    ? 'Each job ended once, with its own picture.'
    : `WRONG:\n${wrong.slice(0, 50).join('\n')}`,
);
process.exitCode = wrong.length === 0 ? 0 : 1;
