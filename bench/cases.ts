import { execFileSync } from 'node:child_process';
import { ApiClient } from './ApiClient.js';
import { Machines } from './machines.js';
import { byTurns, oneByOne, perSecond } from './measure.js';
import { type Pair, WIDTH } from './pair.js';
import { LARGE, Picture, SIZES, SMALL } from './pictures.js';
import { type Effort, jobsPerSecond, milliseconds, type Row, row } from './rows.js';

/** Time of model work, if any. */
const WORK_MS = 50;

/** One synchronous job at a time, compared with a bare client on the same machines. */
export async function syncJobs({ rounds, goes }: Effort, pair: Pair): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [workMs, bounds] of [
    [0, ['<=1.8', '<=2.0']] as const,
    [WORK_MS, ['<=1.06', '<=1.15']] as const,
  ]) {
    await pair.setWork(workMs);
    for (const [index, [name, size]] of SIZES.entries()) {
      const picture = await Picture.ofSize(size);
      const count = workMs > 0 ? goes / 20 : size === LARGE ? goes / 8 : goes;
      const { a, b, ratio } = await byTurns(
        rounds,
        () => oneByOne(count, () => pair.api.process(picture.next())),
        () => oneByOne(count, () => pair.bare(picture.next())),
      );
      const parts = { measured: milliseconds(a), comparedWith: `bare client: ${milliseconds(b)}`, ratio };
      rows.push(row(`sync, one at a time, ${name}, ${workMs} ms of work`, parts, bounds[index] ?? ''));
    }
  }
  return rows;
}

/** Eight jobs at a time on two machines, compared with bare clients of the same concurrency. */
export async function wideJobs({ rounds, goes, isQuick }: Effort, pair: Pair): Promise<Row[]> {
  await pair.setWork(0);
  const rows: Row[] = [];
  for (const [name, size] of SIZES) {
    const picture = await Picture.ofSize(size);
    const count = size === LARGE ? goes / 4 : isQuick ? 300 : 400;
    const { a, b, ratio } = await byTurns(
      rounds,
      () => perSecond(count, WIDTH, () => pair.api.process(picture.next())),
      () => perSecond(count, WIDTH, () => pair.bare(picture.next())),
      // A server gets faster during its first three thousand jobs, which a quick run omits.
      isQuick ? 1 : 0,
    );
    const parts = { measured: jobsPerSecond(a), comparedWith: `bare clients: ${jobsPerSecond(b)}`, ratio };
    rows.push(row(`8 at a time, two machines, ${name}`, parts, '>=0.5'));
  }
  return rows;
}

/** The same job asynchronously, with its status polled every 5 ms. */
export async function asyncJobs({ rounds, goes }: Effort, pair: Pair): Promise<Row[]> {
  // Without model work a job takes less time than the poll interval: then only the polling is measured.
  await pair.setWork(WORK_MS);
  const { api } = pair;
  const picture = await Picture.ofSize(SMALL);
  const poll = async () => {
    const { status_url, result_url } = await api.submit(picture.next());
    for (;;) {
      const { status } = JSON.parse((await api.get(status_url)).toString()) as { status: string };
      if (status === 'completed') break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await api.get(`${result_url}/image`);
  };
  const count = goes / 20;
  const { a, b, ratio } = await byTurns(
    rounds,
    () => oneByOne(count, poll),
    () => oneByOne(count, () => api.process(picture.next())),
  );
  const parts = { measured: milliseconds(a), comparedWith: `sync: ${milliseconds(b)}`, ratio };
  return [row(`async, polled every 5 ms, 12 KB, ${WORK_MS} ms of work`, parts, '<=1.3')];
}

/** Two busy machines, compared with their maximum throughput. Both cases run at once: neither keeps the computer busy. */
export function balance({ isQuick }: Effort): Promise<Row[]> {
  const jobs = isQuick ? 120 : 200;
  return Promise.all([
    keptBusy('two machines of 100 ms, 8 at a time', [100, 100], jobs, '>=0.97'),
    keptBusy('the second at half speed', [100, 200], jobs, '>=0.95'),
  ]);
}

async function keptBusy(name: string, workMs: readonly number[], jobs: number, must: string): Promise<Row> {
  const machines = await Machines.start(workMs, { MAX_JOBS_PER_INSTANCE: '2', MAX_CONCURRENT_JOBS: '4' });
  const api = new ApiClient(machines.server);
  const picture = await Picture.ofSize(SMALL);
  await perSecond(WIDTH, WIDTH, () => api.process(picture.next()));
  const done = await perSecond(jobs, WIDTH, () => api.process(picture.next()));
  const ideal = workMs.reduce((sum, each) => sum + 1000 / each, 0);
  await api.close();
  await machines.stop();
  return row(
    name,
    { measured: jobsPerSecond(done), comparedWith: `ideal: ${jobsPerSecond(ideal)}`, ratio: done / ideal },
    must,
  );
}

/** Time from the program's start until it listens; and the imports of the app alone and of the package, each in a separate process. */
export async function start({ isQuick }: Effort): Promise<Row[]> {
  const rounds = isQuick ? 2 : 7;
  const times: number[] = [];
  for (let n = 0; n < rounds; n += 1) {
    const startedAt = performance.now();
    const child = await Machines.listen();
    times.push(performance.now() - startedAt);
    await child.stop();
  }
  const best = Math.min(...times);
  const imported = (file: string) => Math.min(...Array.from({ length: rounds }, () => importTime(file)));
  const [app, all] = [imported('app.js'), imported('index.bundle.js')];
  return [
    row('start to listening', inSeconds(best), '<=0.5'),
    row('import of the app', inSeconds(app), '<=0.3'),
    row('import of the package', inSeconds(all)),
  ];
}

const inSeconds = (ms: number) => ({
  measured: milliseconds(ms),
  comparedWith: '1 second',
  ratio: ms / 1000,
});

/** Milliseconds that Node takes to import a built file with its dependencies. */
function importTime(file: string): number {
  const url = new URL(`../dist/${file}`, import.meta.url).href;
  const code = `const t = performance.now(); await import('${url}'); console.log(performance.now() - t)`;
  return Number(execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' }));
}
