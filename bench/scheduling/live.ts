/**
 * `npm run bench:fleet`: small scenarios with servers and simulated machines over real sockets. First it compares scenarios of
 * `bench:scheduling` with virtual time, then three servers that share a Redis with one server. Fails if a ratio is too large.
 * `-- --only virtual` or `-- --only redis` runs one of the two.
 */
import { parseArgs } from 'node:util';
import { QueueBackend } from '../../test/support/QueueKind.js';
import { requireRedis } from '../../test/support/RedisServer.js';
import { LiveFleet } from './LiveFleet.js';
import { SLOTS } from './parts.js';
import { RealPolicy } from './policies.js';
import { type Scenario, simulate } from './simulate.js';
import { inARow, makespan, otherUsers, type SmallScenario, speeds, switching } from './smallScenarios.js';

/** Maximum difference between real sockets and virtual time. */
const TOLERANCE = 0.15;
/** Maximum makespan of several servers compared with one. */
const MAX_RATIO_OF_SERVERS = 1.1;
const SERVERS = 3;
/** Time between two submissions. */
const ARRIVAL_MS = 5;
/** Random orders of the jobs. Their times are added up, because one model load is 15 % of one order's time. */
const SEEDS = [7, 8, 9, 10, 11, 12];

/** A makespan. */
interface Figure {
  readonly seconds: number;
  readonly note?: string;
}

const { values } = parseArgs({ options: { only: { type: 'string' } } });
const say = (line: string) => process.stdout.write(`${line}\n`);
const started = performance.now();

if (values.only !== 'redis') await besideVirtualTime();
if (values.only !== 'virtual' && requireRedis()) await besideOneServer();
say(`\n${((performance.now() - started) / 1000).toFixed(0)} s`);

async function besideVirtualTime(): Promise<void> {
  say('| scenario | makespan, virtual time | real sockets | ratio | |\n|---|---|---|---|---|');
  const scenarios = [
    switching(1),
    switching(2, 12),
    speeds([1, 5], 8),
    speeds([1, 1, 2, 5], 12),
    inARow(),
    otherUsers(),
  ];
  for (const { name, scenario } of scenarios) {
    const virtual = makespan(scenario, simulate(arriving(scenario), new RealPolicy(SLOTS)), true);
    const live = makespan(scenario, await LiveFleet.run(scenario), false);
    report(name, { seconds: virtual }, { seconds: live }, (ratio) => Math.abs(ratio - 1) <= TOLERANCE);
  }
}

/** Over HTTP, jobs arrive one after the other: the first ones start before the server knows of the last ones. */
function arriving(scenario: Scenario): Scenario {
  return {
    ...scenario,
    jobs: scenario.jobs.map((job, n) => ({ ...job, arrivesAt: job.arrivesAt + n * ARRIVAL_MS })),
  };
}

async function besideOneServer(): Promise<void> {
  say(
    `\n| scenario, QUEUE=redis | makespan, one server | ${SERVERS} servers | ratio | |\n|---|---|---|---|---|`,
  );
  const queue = await QueueBackend.open('redis');
  const measure = async (scenarios: readonly SmallScenario[], servers: number): Promise<Figure> => {
    let seconds = 0;
    let loads = 0;
    for (const { scenario } of scenarios) {
      const run = await LiveFleet.run(scenario, { servers, env: queue.env() });
      seconds += makespan(scenario, run, false);
      loads += run.switches;
    }
    return { seconds, note: loads > 0 ? `, ${loads} model loads` : '' };
  };
  try {
    const orders = SEEDS.map((seed) => switching(2, 12, seed));
    for (const [name, scenarios] of [
      [`${orders[0]?.name}, ${SEEDS.length} orders`, orders],
      [speeds([1, 5], 8).name, [speeds([1, 5], 8)]],
    ] as const) {
      const one = await measure(scenarios, 1);
      const several = await measure(scenarios, SERVERS);
      report(name, one, several, (ratio) => ratio <= MAX_RATIO_OF_SERVERS);
    }
  } finally {
    await queue.close();
  }
}

/** Prints a row of a table. */
function report(
  name: string,
  expected: Figure,
  measured: Figure,
  isReached: (ratio: number) => boolean,
): void {
  const ratio = measured.seconds / expected.seconds;
  const [left, right] = [expected, measured].map(
    ({ seconds, note = '' }) => `${seconds.toFixed(1)} s${note}`,
  );
  say(`| ${name} | ${left} | ${right} | ${ratio.toFixed(2)} | ${isReached(ratio) ? 'yes' : 'no'} |`);
  if (!isReached(ratio)) process.exitCode = 1;
}
