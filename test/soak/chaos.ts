import { sleep } from '../../src/utils/timers.js';
import { eventually } from '../support/eventually.js';
import { Random } from '../support/random.js';
import { leftInRedis } from '../support/redisLeft.js';
import { ChaosFleet } from './ChaosFleet.js';
import { executionsOf } from './chaosExecutions.js';
import { type ChaosEnd, chaosJob } from './chaosJob.js';

const COUNT = { servers: 3, machines: 3 };
/** Maximum number of concurrent jobs: those of killed servers wait until holds expire. */
const CLIENTS = 40;
/** Time of each model node, ms. */
const WORK_MS = 150;
/** After this share of all jobs nothing is killed anymore. */
const KILLING_SHARE = 0.9;
/** Kills of servers per kill of a machine. */
const SERVERS_A_MACHINE = 4;
/** Downtime, ms. */
const DOWN_MS = [500, 2000] as const;

/** Categories with which a job may fail if a killed machine interrupts each attempt. */
const OF_KILLED_MACHINES: ReadonlySet<string> = new Set([
  'connection_refused',
  'connection_lost',
  'connection_timeout',
  'instance_unavailable',
  'result_missing',
]);

export interface ChaosOptions {
  readonly jobs: number;
  readonly seed: number;
  /** Interval between new jobs, ms. */
  readonly paceMs: number;
  /** Interval between kills of a server, ms. */
  readonly killMs: number;
  /** Called after each job with the number of ended jobs. */
  onEnd?(ended: number): void;
}

export interface ChaosReport {
  readonly jobs: number;
  readonly completed: number;
  /** By category. */
  readonly failed: Readonly<Record<string, number>>;
  /** Kills of servers, machines and Redis. */
  readonly kills: { servers: number; machines: number; redis: number };
  /** Repeated requests of clients, by result. */
  readonly retries: Readonly<Record<string, number>>;
  readonly executions: number;
  /** Repeated executions of jobs whose prompt was lost with its machine. */
  readonly repeatedAfterLoss: number;
  readonly seconds: number;
  /** Everything that must not happen. */
  readonly wrong: readonly string[];
}

/**
 * Runs jobs with distinct images through servers that share a Redis, while servers, machines and Redis are killed. Each job must
 * end once, with its own image, and no prompt may run again while its machine still has it.
 */
export async function chaos(options: ChaosOptions): Promise<ChaosReport> {
  const fleet = await ChaosFleet.start(COUNT, WORK_MS);
  const startedAt = performance.now();
  const wrong: string[] = [];
  const ends: ChaosEnd[] = [];
  const kills = { servers: 0, machines: 0, redis: 0 };
  let left = options.jobs;
  const share = () => 1 - left / options.jobs;
  let next = 0;
  const job = async (n: number) => {
    await sleep(n * options.paceMs - (performance.now() - startedAt));
    const random = new Random(options.seed * 100_000 + n);
    const clients = fleet.servers.map(({ client }) => client);
    try {
      ends.push(await chaosJob(n, clients, random, `chaos-${options.seed}-${n}`));
    } catch (error) {
      wrong.push(`job ${n}: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      left -= 1;
      options.onEnd?.(options.jobs - left);
    }
  };
  try {
    const jobs = Array.from({ length: CLIENTS }, async () => {
      while (next < options.jobs) await job(next++);
    });
    const troubles = [
      killServers(fleet, options, kills, share),
      killRedis(fleet, options.seed, kills, share),
    ];
    await Promise.all([...jobs, ...troubles]);
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    return { ...(await balance(fleet, ends, wrong)), jobs: options.jobs, kills, seconds, wrong };
  } finally {
    await fleet.stop();
  }
}

/** Kills one server after the other with SIGKILL, and sometimes a machine. */
async function killServers(
  fleet: ChaosFleet,
  { seed, killMs }: ChaosOptions,
  kills: ChaosReport['kills'],
  share: () => number,
): Promise<void> {
  const random = new Random(seed);
  const starting = new Set<Promise<void>>();
  while (share() < KILLING_SHARE) {
    await sleep(random.int(killMs / 2, (3 * killMs) / 2));
    if (share() >= KILLING_SHARE) break;
    const up = fleet.servers.filter(({ isUp }) => isUp);
    // One server must stay, or no job makes progress on a slow computer.
    if (up.length < 2) continue;
    if (kills.servers % SERVERS_A_MACHINE === SERVERS_A_MACHINE - 1) {
      kills.machines += 1;
      await random.pick(fleet.machines).misbehave({ name: 'killed and back' });
    }
    const server = random.pick(up);
    kills.servers += 1;
    await server.kill();
    const start = sleep(random.int(...DOWN_MS))
      .then(() => server.startAgain())
      .finally(() => starting.delete(start));
    starting.add(start);
  }
  await Promise.all(starting);
}

/** Kills Redis twice, after a third and two thirds of the jobs. */
async function killRedis(
  { redis }: ChaosFleet,
  seed: number,
  kills: ChaosReport['kills'],
  share: () => number,
): Promise<void> {
  const random = new Random(seed + 1);
  for (const moment of [1 / 3, 2 / 3]) {
    while (share() < moment) await sleep(random.int(20, 200));
    kills.redis += 1;
    await redis.kill();
    await sleep(random.int(...DOWN_MS));
    await redis.restart();
  }
}

/** Compares the records of clients, servers, machines and Redis. */
async function balance(fleet: ChaosFleet, ends: readonly ChaosEnd[], wrong: string[]) {
  const [client] = fleet.servers.map((server) => server.client);
  if (!client) throw new Error('no server');
  await eventually(async () => {
    const states = await Promise.all(fleet.machines.map((machine) => machine.state()));
    if (states.some(({ queue }) => queue > 0)) throw new Error('a machine has prompts left');
  }, 30_000);
  const states = await Promise.all(fleet.machines.map((machine) => machine.state()));
  const executions = executionsOf(states);
  const failed: Record<string, number> = {};
  const retries: Record<string, number> = {};
  for (const { id, category, retries: own } of ends) {
    for (const [what, count] of Object.entries(own)) retries[what] = (retries[what] ?? 0) + count;
    if (category === undefined) continue;
    failed[category] = (failed[category] ?? 0) + 1;
    if (!OF_KILLED_MACHINES.has(category)) wrong.push(`${id} failed for a reason of its own: ${category}`);
  }
  for (const [files, ids] of executions.needless) {
    wrong.push(`executed again although its machine had it: prompts ${ids.join(', ')} (${files})`);
  }
  await checkJobs(fleet, ends, wrong);
  wrong.push(...(await leftInRedis(fleet.redis, fleet.prefix)));
  return {
    completed: ends.filter(({ status }) => status === 'completed').length,
    failed,
    retries,
    executions: executions.count,
    repeatedAfterLoss: executions.repeatedAfterLoss,
  };
}

/** Checks that each job exists once, ended as its client saw it, and was not ended twice. */
async function checkJobs(fleet: ChaosFleet, ends: readonly ChaosEnd[], wrong: string[]): Promise<void> {
  const [server] = fleet.servers;
  if (!server) return;
  const ids = new Set(ends.map(({ id }) => id));
  if (ids.size < ends.length) wrong.push(`${ends.length} submissions have ${ids.size} jobs`);
  for (const { id, status } of ends) {
    const now = await server.client.status(id);
    if (now.status !== status) wrong.push(`${id} was ${status} and is ${now.status}`);
  }
  const { jobs, total } = (await (await server.client.request('/api/jobs/list?limit=1000')).json()) as {
    jobs: Array<{ id: string; status: string }>;
    total: number;
  };
  if (total !== ids.size) {
    const others = jobs.filter(({ id }) => !ids.has(id)).map(({ id, status }) => `${id} (${status})`);
    wrong.push(`${ids.size} jobs were accepted, ${total} are there: ${others.join(', ')}`);
  }
  const told = new Map<unknown, number>();
  for (const { jobId } of fleet.log(/^Job (completed|failed|cancelled)$/)) {
    told.set(jobId, (told.get(jobId) ?? 0) + 1);
  }
  for (const [id, count] of told) if (count > 1) wrong.push(`${id} ended ${count} times`);
  for (const line of fleet.log(/Unexpected error|Request failed|went wrong|was missing in the queue/)) {
    wrong.push(JSON.stringify(line));
  }
}
