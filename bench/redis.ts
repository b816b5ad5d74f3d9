import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { queueEntry } from '../src/services/jobs/queueEntry.js';
import { accept, cancel } from '../src/services/jobs/transitions.js';
import { createRedisQueue, type RedisQueue } from '../src/services/queue/redis/createRedisQueue.js';
import { silentLogger } from '../src/utils/logger.js';
import { workflows } from '../src/workflows/index.js';
import { takeFirst } from '../test/support/firstThat.js';
import { JOB_REQUEST } from '../test/support/jobRequest.js';
import { RedisServer } from '../test/support/RedisServer.js';
import { ApiClient } from './ApiClient.js';
import { FOR_EVER_MS, Machines, UNTIL_STOPPED } from './machines.js';
import { byTurns, median, oneByOne, perSecond } from './measure.js';
import { WIDTH } from './pair.js';
import { Picture, SMALL, TINY } from './pictures.js';
import { type Effort, jobsPerSecond, milliseconds, type Row, row } from './rows.js';

const rate = (value: number) => `${value.toFixed(0)} a second`;
const PAGE = { limit: 100, offset: 0 };
/** Sequential jobs per round for the queue alone. */
const QUEUED = 200;
/** Pairs of servers that the rows of jobs are measured with. */
const PAIRS = 3;

/** Redis configured for throughput: it writes to its disk once per second, which is also its default. */
const startRedis = () => RedisServer.start('--appendfsync', 'everysec');

/** The cost of the queue on Redis: servers compared with servers in memory, the queue with BullMQ alone, many jobs with few. */
export async function redis(effort: Effort): Promise<Row[]> {
  const server = await startRedis();
  try {
    const rows = [...(await servers(effort, server)), await queueAlone(effort, server.url)];
    return [...rows, ...(await manyWaiting(effort, server.url))];
  } finally {
    await server.stop();
  }
}

/** A server of each kind, as clients of them. */
interface Both {
  readonly shared: ApiClient;
  readonly memory: ApiClient;
}

/** Measures the servers. Processes of the same build differ by up to a fifth, so the median of several pairs counts for jobs. */
async function servers(effort: Effort, server: RedisServer): Promise<Row[]> {
  const all: JobFigures[] = [];
  for (let n = 1; n < PAIRS && !effort.isQuick; n += 1) {
    await withServers(server, async (both) => void all.push(await jobs(effort, both)));
  }
  return withServers(server, async (both, forEver) => {
    all.push(await jobs(effort, both));
    const rows = rowsOf(all);
    rows.push(...(await costs(effort, both.shared, server.url)));
    rows.push(await status(effort, both));
    await forEver();
    rows.push(await submitting(effort, both));
    return rows;
  });
}

/**
 * Starts two new servers, one per kind of queue, each with its own machines.
 * @param work gets a function after which the machines never finish a job
 */
async function withServers<T>(
  server: RedisServer,
  work: (both: Both, forEver: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-assets-'));
  const env = { QUEUE: 'redis', REDIS_URL: server.url, ASSET_STORE: 'disk', ASSET_DIR: folder };
  const [inMemory, inRedis] = [
    await Machines.start([0, 0], UNTIL_STOPPED),
    await Machines.start([0, 0], { ...UNTIL_STOPPED, ...env, REDIS_PREFIX: randomUUID() }),
  ];
  const both = { memory: new ApiClient(inMemory.server), shared: new ApiClient(inRedis.server) };
  try {
    return await work(both, async () => {
      await Promise.all([inMemory.setWork(FOR_EVER_MS), inRedis.setWork(FOR_EVER_MS)]);
    });
  } finally {
    await Promise.all([both.memory.close(), both.shared.close()]);
    await Promise.all([inMemory.stop(), inRedis.stop()]);
    await rm(folder, { recursive: true, force: true });
  }
}

type Compared = Awaited<ReturnType<typeof byTurns>>;

/** Jobs with Redis compared with jobs in memory: ms for each, and jobs per second. */
interface JobFigures {
  readonly one: Compared;
  readonly wide: Compared;
}

async function jobs({ rounds, goes, isQuick }: Effort, { shared, memory }: Both): Promise<JobFigures> {
  const picture = await Picture.ofSize(SMALL);
  // Until both are compiled.
  for (const api of [shared, memory]) {
    await perSecond(isQuick ? 300 : 2000, WIDTH, () => api.process(picture.next()));
  }
  const one = await byTurns(
    rounds,
    () => oneByOne(goes, () => shared.process(picture.next())),
    () => oneByOne(goes, () => memory.process(picture.next())),
  );
  const wide = await byTurns(
    rounds,
    () => perSecond(goes * 2, WIDTH, () => shared.process(picture.next())),
    () => perSecond(goes * 2, WIDTH, () => memory.process(picture.next())),
  );
  return { one, wide };
}

function rowsOf(all: readonly JobFigures[]): Row[] {
  const middle = (figures: readonly Compared[]): Compared => ({
    a: median(figures.map(({ a }) => a)),
    b: median(figures.map(({ b }) => b)),
    ratio: median(figures.map(({ ratio }) => ratio)),
  });
  const [one, wide] = [middle(all.map((figures) => figures.one)), middle(all.map((figures) => figures.wide))];
  return [
    row(
      'Redis: sync, one at a time, 12 KB',
      { measured: milliseconds(one.a), comparedWith: `memory: ${milliseconds(one.b)}`, ratio: one.ratio },
      '<=3',
    ),
    row(
      'Redis: 8 at a time, 12 KB',
      {
        measured: jobsPerSecond(wide.a),
        comparedWith: `memory: ${jobsPerSecond(wide.b)}`,
        ratio: wide.ratio,
      },
      '>=0.35',
    ),
  ];
}

/** Redis commands and bytes per job, from Redis' own statistics. */
async function costs({ goes }: Effort, shared: ApiClient, url: string): Promise<Row[]> {
  const client = new Redis(url);
  const figure = async (section: string, name: string) =>
    Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(await client.info(section))?.[1]);
  const look = async () => ({
    commands: await figure('stats', 'total_commands_processed'),
    bytes: await figure('memory', 'used_memory'),
  });
  const picture = await Picture.ofSize(SMALL);
  const before = await look();
  await perSecond(goes, 1, () => shared.process(picture.next()));
  const after = await look();
  client.disconnect();
  const commands = (after.commands - before.commands) / goes;
  const bytes = (after.bytes - before.bytes) / goes;
  return [
    row(
      'Redis: commands for a job, with those in scripts',
      { measured: commands.toFixed(0), comparedWith: '250', ratio: commands / 250 },
      '<=1',
    ),
    row(
      'Redis: bytes of a completed job',
      { measured: bytes.toFixed(0), comparedWith: '4,000', ratio: bytes / 4000 },
      '<=1',
    ),
  ];
}

async function status({ rounds, goes, warmUps }: Effort, { shared, memory }: Both): Promise<Row> {
  const pathOf = async (api: ApiClient) => `/api/jobs/${(await api.list()).jobs[0]?.id}/status`;
  const [here, there] = [await pathOf(shared), await pathOf(memory)];
  const { a, b, ratio } = await byTurns(
    rounds,
    () => perSecond(goes * 10, WIDTH, () => shared.get(here)),
    () => perSecond(goes * 10, WIDTH, () => memory.get(there)),
    warmUps,
  );
  return row('Redis: status', { measured: rate(a), comparedWith: `memory: ${rate(b)}`, ratio }, '>=0.4');
}

async function submitting({ rounds, goes, warmUps }: Effort, { shared, memory }: Both): Promise<Row> {
  const picture = await Picture.ofSize(TINY);
  const submit = (api: ApiClient) => () => perSecond(goes * 2, WIDTH, () => api.submit(picture.next()));
  const { a, b, ratio } = await byTurns(rounds, submit(shared), submit(memory), warmUps);
  return row('Redis: submit', { measured: rate(a), comparedWith: `memory: ${rate(b)}`, ratio }, '>=0.2');
}

/** Connects this process to Redis. */
async function open(url: string, prefix: string): Promise<RedisQueue> {
  const queue = createRedisQueue({ url, prefix, builtIn: workflows, lifetimeMs: FOR_EVER_MS }, silentLogger);
  await queue.start();
  return queue;
}

const newJob = () => accept(randomUUID(), JOB_REQUEST, Date.now());

/** Adds, takes and completes an entry, compared with fetching from BullMQ directly. */
async function queueAlone({ rounds, warmUps }: Effort, url: string): Promise<Row> {
  const ours = await open(url, 'alone');
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  const queue = new Queue('plain', { connection, defaultJobOptions: { removeOnComplete: true } });
  const worker = new Worker('plain', null, { connection, autorun: false });
  await worker.waitUntilReady();
  const { a, b, ratio } = await byTurns(
    rounds,
    () =>
      perSecond(QUEUED, 1, async () => {
        await ours.queue.add(queueEntry(newJob()));
        await (await takeFirst(ours.queue))?.done();
      }),
    () =>
      perSecond(QUEUED, 1, async () => {
        await queue.add('job', { id: randomUUID() });
        const job = await worker.getNextJob('token', { block: false });
        await job?.moveToCompleted(undefined, 'token', false);
      }),
    warmUps,
  );
  await Promise.all([worker.close(), queue.close(), ours.stop()]);
  connection.disconnect();
  const parts = { measured: rate(a), comparedWith: `BullMQ alone: ${rate(b)}`, ratio };
  return row('Redis: a job is queued, taken and done with', parts, '>=0.3');
}

/** Operations that must cost the same however many jobs wait. */
async function manyWaiting({ rounds, goes, warmUps, isQuick }: Effort, url: string): Promise<Row[]> {
  const count = isQuick ? 5000 : 100_000;
  const [few, many] = [await open(url, 'few'), await open(url, 'many')];
  const fill = (queue: RedisQueue, jobs: number) => perSecond(jobs, 4 * WIDTH, () => add(queue));
  await fill(few, 100);
  await fill(many, count);
  const compare = async (name: string, work: (queue: RedisQueue) => Promise<unknown>) => {
    const round = (queue: RedisQueue) => () => oneByOne(goes, () => work(queue));
    const { a, b, ratio } = await byTurns(rounds, round(many), round(few), warmUps);
    const parts = { measured: milliseconds(a), comparedWith: `100 wait: ${milliseconds(b)}`, ratio };
    return row(`Redis: ${name}, ${count} wait`, parts, '<=1.5');
  };
  const rows = [
    await compare('take a job and put it back', async ({ queue }) => {
      const taken = await takeFirst(queue);
      if (!taken) throw new Error('nothing waits');
      await taken.putBack();
    }),
    await compare('list 100 jobs', (queue) => queue.jobs.list({ status: 'pending' }, PAGE)),
    await compare('submit and cancel a job', async (queue) => {
      const id = await add(queue);
      await queue.jobs.update(id, (job) => cancel(job, Date.now()));
      await queue.queue.remove(id);
      await queue.jobs.delete(id);
    }),
  ];
  await Promise.all([few.stop(), many.stop()]);
  return rows;
}

async function add({ jobs: records, queue }: RedisQueue): Promise<string> {
  const job = newJob();
  await records.insert(job);
  await queue.add(queueEntry(job));
  return job.id;
}
