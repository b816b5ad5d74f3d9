import { Child } from '../src/demo/children.js';
import { ApiClient } from './ApiClient.js';
import { FOR_EVER_MS, JOBS_PER_MACHINE, Machines, UNTIL_STOPPED } from './machines.js';
import { byTurns, median, perSecond } from './measure.js';
import { type Pair, WIDTH } from './pair.js';
import { LARGE, Picture, TINY } from './pictures.js';
import { type Effort, type Row, row } from './rows.js';
import { cpuMicroseconds } from './system.js';

const FEW_KEPT = 10;
/** More but shorter rounds: on a shared computer each may be off by a fifth. */
const shortRounds = (isQuick: boolean) => (isQuick ? 2 : 4);
/** A quick run omits this number: it measures the cost of a status, but not with many jobs. */
const MANY_KEPT = 50_000;
const rate = (value: number) => `${value.toFixed(0)} a second`;

async function startBaseline(): Promise<{ child: Child; api: ApiClient }> {
  const child = new Child('baseline', new URL('./baseline.mjs', import.meta.url), [], {});
  return { child, api: new ApiClient(await child.says(/listens on (\S+)/)) };
}

/**
 * The status of one job, with few and with many other jobs stored, compared with Express responding with the same bytes. The same
 * server has few jobs first and many later, because two servers may differ by a fifth by the way they were compiled. The extra
 * cost with many jobs is measured in CPU time, which is steadier, since half a minute lies between the two measurements.
 */
export async function statuses({ rounds, goes, warmUps, isQuick }: Effort): Promise<Row[]> {
  const [{ child, api: plain }, machines] = await Promise.all([
    startBaseline(),
    Machines.start([0, 0], UNTIL_STOPPED),
  ]);
  const api = new ApiClient(machines.server);
  const picture = await Picture.ofSize(TINY);
  await perSecond(FEW_KEPT, WIDTH, () => api.process(picture.next()));
  // All others wait.
  await machines.setWork(FOR_EVER_MS);
  if (!isQuick) await submitAndForget(api, 5000, picture);
  const { jobs } = await api.list();
  const path = `/api/jobs/${jobs[0]?.id}/status`;
  const body = await api.get(path);
  await plain.put('/status', body);
  if (!(await plain.get('/status')).equals(body)) throw new Error('Express does not answer the same bytes');
  const count = goes * 15;
  const times = shortRounds(isQuick);
  const measure = async (before: number) => {
    const ours = meter(machines.pid, count, () => api.get(path));
    const theirs = meter(child.pid, count, () => plain.get('/status'));
    const rates = await byTurns(times * rounds, ours.round, theirs.round, before);
    const costs = ours.costs.map((us, n) => us / (theirs.costs[n] ?? Number.NaN));
    return { ...rates, cost: median(costs.slice(before)) };
  };
  const few = await measure(times * warmUps);
  if (!isQuick) await perSecond(MANY_KEPT - FEW_KEPT, WIDTH, () => api.submit(picture.next()));
  const many = isQuick ? undefined : await measure(warmUps);
  await Promise.all([api.close(), plain.close()]);
  await Promise.all([machines.stop(), child.stop()]);
  return statusRows(few, many);
}

interface StatusCost {
  readonly a: number;
  readonly b: number;
  readonly ratio: number;
  /** CPU time of a request, relative to Express. */
  readonly cost: number;
}

function statusRows(few: StatusCost, many: StatusCost | undefined): Row[] {
  const against = ({ a, b, ratio }: StatusCost) => ({
    measured: rate(a),
    comparedWith: `Express: ${rate(b)}`,
    ratio,
  });
  const rows = [row(`status, ${FEW_KEPT} jobs kept`, against(few), '>=0.8')];
  if (!many) return rows;
  const cost = (each: StatusCost) => `${each.cost.toFixed(2)} of Express' CPU`;
  const alike = { measured: cost(many), comparedWith: cost(few), ratio: many.cost / few.cost };
  return [
    ...rows,
    row(`status, ${MANY_KEPT} jobs kept`, against(many), '>=0.8'),
    row(`status, ${MANY_KEPT} kept against ${FEW_KEPT}`, alike, '<=1.1'),
  ];
}

/** Measures rounds of `count` requests to a process, and the CPU time per request of each round, in microseconds. */
function meter(
  pid: number,
  count: number,
  request: () => Promise<unknown>,
): { round: () => Promise<number>; costs: number[] } {
  const costs: number[] = [];
  const round = async () => {
    const startedAt = cpuMicroseconds(pid);
    const result = await perSecond(count, WIDTH, request);
    costs.push((cpuMicroseconds(pid) - startedAt) / count);
    return result;
  };
  return { round, costs };
}

/**
 * Submits many jobs and deletes them. Afterwards the server has no additional jobs, but V8 has enlarged its young generation, up
 * to 16 MB, because more objects survived. Everything after that costs a tenth more, however many jobs are stored.
 * @returns submissions per second, without the deletions
 */
async function submitAndForget(api: ApiClient, jobs: number, picture: Picture): Promise<number> {
  const ids: string[] = [];
  const rate = await perSecond(jobs, WIDTH, async () => {
    ids.push((await api.submit(picture.next())).job_id);
  });
  await perSecond(ids.length, WIDTH, () => api.delete(`/api/jobs/${ids.pop()}`));
  return rate;
}

/**
 * Submitting 1 MB, compared with multer alone. The jobs of a round are deleted before the next one, outside of the measured time:
 * multer's images become garbage at once, and memory that a process uses for the first time costs more than everything else.
 */
export async function submissions({ rounds, goes, warmUps, isQuick }: Effort): Promise<Row[]> {
  const [{ child, api: plain }, machines] = await Promise.all([
    startBaseline(),
    Machines.start([FOR_EVER_MS], UNTIL_STOPPED),
  ]);
  const api = new ApiClient(machines.server);
  const picture = await Picture.ofSize(LARGE);
  const count = goes / 4;
  const small = await Picture.ofSize(TINY);
  // These jobs keep the machine busy for the whole run, so that the others wait. They are small because they are in its queue,
  // which is requested at intervals.
  await perSecond(JOBS_PER_MACHINE, WIDTH, () => api.submit(small.next()));
  const ours = () => submitAndForget(api, count, picture);
  const times = shortRounds(isQuick);
  const theirs = () => perSecond(count, WIDTH, () => plain.post('/submit', picture.next(), 202));
  const { a, b, ratio } = await byTurns(times * rounds, ours, theirs, times * warmUps);
  await Promise.all([api.close(), plain.close()]);
  await Promise.all([machines.stop(), child.stop()]);
  return [row('submit 1 MB', { measured: rate(a), comparedWith: `multer: ${rate(b)}`, ratio }, '>=0.7')];
}

/**
 * The event loop delay from the server's own metrics, with both machines busy, and with a load that only the computer limits,
 * which the simulators and the load generator share with the server.
 */
export async function eventLoop({ rounds, goes }: Effort, pair: Pair): Promise<Row[]> {
  const picture = await Picture.ofSize(LARGE);
  const rows: Row[] = [];
  for (const [name, workMs, count] of [
    ['computer busy', 0, rounds],
    ['machines of 50 ms busy', 50, Math.floor(rounds / 2)],
  ] as const) {
    await pair.setWork(workMs);
    // Reading the metrics resets them: earlier values must not count.
    await lateness(pair.api);
    await perSecond(count * goes, WIDTH, () => pair.api.process(picture.next()));
    const ms = await lateness(pair.api);
    const parts = { measured: `${ms.toFixed(1)} ms`, comparedWith: '20 ms', ratio: ms / 20 };
    rows.push(row(`event loop P99, 8 at a time, 1 MB, ${name}`, parts, '<=1'));
  }
  return rows;
}

/** Node measures the whole time between two readings of the clock, which is this long without any delay, ms. */
const BETWEEN_LOOKS_MS = 10;

/** P99 of the event loop delay since the last call, ms. */
async function lateness(api: ApiClient): Promise<number> {
  const figures = (await api.get('/metrics')).toString();
  return 1000 * Number(/^nodejs_eventloop_lag_p99_seconds (\S+)/m.exec(figures)?.[1]) - BETWEEN_LOOKS_MS;
}
