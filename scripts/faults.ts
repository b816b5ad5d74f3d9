// Injects every fault into a machine at every moment of a job, and checks the result of the job. The expectations are those of
// the tests (test/system/faults/matrix.ts).
//   npm run faults -- --seed 1 [--queue redis]
import { parseArgs } from 'node:util';
import { MOMENTS } from '../src/simulator/prompt.js';
import { Fleet } from '../test/support/fleet.js';
import { QueueBackend, queueKind } from '../test/support/QueueKind.js';
import { Random } from '../test/support/random.js';
import { CELL_ENV, CELL_WORK_MS, type Outcome, runCell } from '../test/system/faults/cell.js';
import { CELLS, MATRIX } from '../test/system/faults/matrix.js';

const LANES = 3;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    queue: { type: 'string', default: 'memory' },
  },
});
const say = (line: string) => process.stdout.write(`${line}\n`);

const queue = await QueueBackend.open(queueKind(values.queue));
const outcomes = new Map<string, Outcome>();
const fleets = await Promise.all(
  Array.from({ length: LANES }, () =>
    Fleet.start(2, { ...CELL_ENV, ...queue.env() }, ['--work', CELL_WORK_MS]),
  ),
);
const left = [...CELLS.entries()];
await Promise.all(
  fleets.map(async (fleet) => {
    await fleet.calm();
    for (let next = left.shift(); next; next = left.shift()) {
      const [n, { fault, moment }] = next;
      outcomes.set(
        `${fault} ${moment}`,
        await runCell(fleet, fault, moment, new Random(Number(values.seed) + n)),
      );
    }
    await fleet.stop();
  }),
);
await queue.close();

say(
  `Seed ${values.seed}. Each cell: how the job ended, instances tried, executions, ms until the server knew.\n`,
);
say(`| what happens | ${MOMENTS.join(' | ')} |\n|---|${MOMENTS.map(() => '---|').join('')}`);
let wrong = 0;
for (const fault of Object.keys(MATRIX)) {
  const row = MOMENTS.map((moment) => {
    const outcome = outcomes.get(`${fault} ${moment}`);
    const expected = MATRIX[fault as keyof typeof MATRIX][moment];
    if (!outcome) return '?';
    const isRight =
      outcome.wrong.length === 0 &&
      outcome.end === expected.end &&
      expected.attempts.includes(outcome.attempts) &&
      expected.executions.includes(outcome.executions);
    if (!isRight) wrong += 1;
    const complaint = isRight ? '' : ` WRONG ${outcome.wrong.join('; ')}`;
    return `${outcome.end} ${outcome.attempts}, ${outcome.executions}, ${outcome.knownAfterMs}${complaint}`;
  });
  say(`| ${fault} | ${row.join(' | ')} |`);
}
say(`\n${CELLS.length} cells, ${wrong} not as they must be.`);
process.exitCode = wrong === 0 ? 0 : 1;
