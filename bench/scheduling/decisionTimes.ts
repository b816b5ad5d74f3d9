import { Scheduler } from '../../src/services/instances/scheduling/Scheduler.js';
import { randomNumbers } from './random.js';

const JOBS = 10_000;
const MACHINES = 200;
const CLIENTS = 300;
const WORKFLOWS = 12;
const DECISIONS = 3000;

/** ms */
interface DecisionTimes {
  readonly mean: number;
  readonly median: number;
  readonly p95: number;
  readonly p99: number;
}

/** CPU time of one decision, with 10,000 jobs of 300 clients and 12 workflows waiting for 200 machines of many speeds. */
export function decisionTimes(): DecisionTimes {
  // The first run is for the compiler.
  measure();
  return measure();
}

function measure(): DecisionTimes {
  const random = randomNumbers(7);
  const scheduler = new Scheduler({ maxPassedOverMs: 120_000 }, () => 3000);
  const add = (n: number, now: number) => {
    const workflow = `w${Math.floor(WORKFLOWS * random())}`;
    scheduler.add({
      id: `${n}`,
      client: `c${Math.floor(CLIENTS * random() ** 2)}`,
      workflow,
      models: [`${workflow}.safetensors`],
      priority: Math.floor(3 * random()) - 1,
      enqueuedAt: now,
      isAgain: false,
      avoid: new Set(),
      largest: 0,
    });
  };
  for (let n = 0; n < JOBS; n += 1) add(n, 0);
  const speeds = Array.from({ length: MACHINES }, () => 1 + 4 * random());
  const queues = speeds.map((): { id: string; endsAt: number }[] => []);
  const views = queues.map((queue, at) => ({
    id: `m${at}`,
    get freeSlots() {
      return 2 - queue.length;
    },
    others: 0,
    ofServers: 0,
    canRun: (workflow: string) => (at + workflow.length) % 5 !== 0,
    accepts: () => true,
  }));
  const times: number[] = [];
  let now = 0;
  for (let n = JOBS; times.length < DECISIONS; ) {
    const before = process.cpuUsage();
    const decision = scheduler.decide(views, now);
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1000);
    if (decision) {
      scheduler.begin(decision, now);
      const at = Number(decision.machine.slice(1));
      const endsAt = Math.max(now, queues[at]?.at(-1)?.endsAt ?? 0) + 3000 / (speeds[at] ?? 1);
      queues[at]?.push({ id: decision.job.id, endsAt });
      add(n, now);
      n += 1;
      continue;
    }
    const next = queues
      .filter(({ length }) => length > 0)
      .sort((a, b) => (a[0]?.endsAt ?? 0) - (b[0]?.endsAt ?? 0));
    const ended = next[0]?.shift();
    if (!ended) break;
    now = ended.endsAt;
    scheduler.end(ended.id, true, now);
  }
  times.sort((one, other) => one - other);
  const at = (part: number) => times[Math.floor(part * times.length)] ?? Number.NaN;
  const mean = times.reduce((sum, ms) => sum + ms, 0) / times.length;
  return { mean, median: at(0.5), p95: at(0.95), p99: at(0.99) };
}
