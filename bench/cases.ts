import { execFileSync } from 'node:child_process';
import { ApiClient, BareClient } from './clients.js';
import { Machines } from './machines.js';
import { byTurns, oneByOne, perSecond, WARM_UP_ROUNDS } from './measure.js';
import { Picture } from './pictures.js';
import { type Effort, type Row, row } from './rows.js';

const SMALL_BYTES = 12_000;
const LARGE_BYTES = 1_000_000;
const sizes = [
  ['12 KB', SMALL_BYTES],
  ['1 MB', LARGE_BYTES],
] as const;

const ms = (value: number) => `${value.toFixed(value < 10 ? 2 : 1)} ms`;
const rate = (value: number) => `${value.toFixed(1)} jobs/s`;

/** One synchronous job at a time against a bare client on the same machine. */
export async function syncJobs({ rounds, goes }: Effort): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [workMs, bounds] of [[0, ['<=2.5', '<=1.6']] as const, [50, ['<=1.06', '<=1.15']] as const]) {
    const machines = await Machines.start([workMs]);
    const api = new ApiClient(machines.server);
    const bare = await BareClient.connect(machines.simulators[0] ?? '');
    for (const [index, [size, bytes]] of sizes.entries()) {
      const picture = await Picture.ofSize(bytes);
      const count = workMs > 0 || bytes > SMALL_BYTES ? Math.ceil(goes / 8) : goes;
      const { a, b, ratio } = await byTurns(
        rounds,
        () => oneByOne(count, () => api.process(picture.next())),
        () => oneByOne(count, () => bare.process(picture.next())),
        workMs > 0 ? WARM_UP_ROUNDS / 2 : WARM_UP_ROUNDS,
      );
      const name = `sync, one at a time, ${size}, ${workMs} ms of work`;
      rows.push(
        row(name, { measured: ms(a), comparedWith: `bare client: ${ms(b)}`, ratio }, bounds[index] ?? ''),
      );
    }
    await Promise.all([api.close(), bare.close()]);
    await machines.stop();
  }
  return rows;
}

/** Eight jobs at a time on two machines against bare clients of the same width. */
export async function wideJobs({ rounds, goes }: Effort): Promise<Row[]> {
  const machines = await Machines.start([0, 0]);
  const api = new ApiClient(machines.server);
  const bares = await Promise.all(machines.simulators.map((host) => BareClient.connect(host)));
  const rows: Row[] = [];
  for (const [index, [size, bytes]] of sizes.entries()) {
    const picture = await Picture.ofSize(bytes);
    // Fewer small ones do not warm a new server up.
    const count = bytes > SMALL_BYTES ? Math.ceil(goes / 4) : 320;
    let turn = 0;
    const { a, b, ratio } = await byTurns(
      rounds,
      () => perSecond(count, 8, () => api.process(picture.next())),
      () =>
        perSecond(count, 8, async () => {
          turn += 1;
          await bares[turn % bares.length]?.process(picture.next());
        }),
      WARM_UP_ROUNDS,
    );
    const parts = { measured: rate(a), comparedWith: `bare clients: ${rate(b)}`, ratio };
    rows.push(row(`8 at a time, two machines, ${size}`, parts, ['>=0.4', '>=0.6'][index] ?? ''));
  }
  await Promise.all([api.close(), ...bares.map((bare) => bare.close())]);
  await machines.stop();
  return rows;
}

/** The same job asynchronously, its status polled every 5 ms. */
export async function asyncJobs({ rounds, goes }: Effort): Promise<Row[]> {
  // With no work a job is done in less time than passes between two polls: then only the polls are measured.
  const machines = await Machines.start([50]);
  const api = new ApiClient(machines.server);
  const picture = await Picture.ofSize(SMALL_BYTES);
  const poll = async () => {
    const { status_url, result_url } = await api.submit(picture.next());
    for (;;) {
      const { status } = JSON.parse((await api.get(status_url)).toString()) as { status: string };
      if (status === 'completed') break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await api.get(`${result_url}/image`);
  };
  const { a, b, ratio } = await byTurns(
    rounds,
    () => oneByOne(goes / 8, poll),
    () => oneByOne(goes / 8, () => api.process(picture.next())),
  );
  await api.close();
  await machines.stop();
  const parts = { measured: ms(a), comparedWith: `sync: ${ms(b)}`, ratio };
  return [row('async, polled every 5 ms, 12 KB, 50 ms of work', parts, '<=1.3')];
}

/** Two machines kept busy, against what they could do at most. */
export async function balance({ isQuick }: Effort): Promise<Row[]> {
  const jobs = isQuick ? 100 : 200;
  const rows: Row[] = [];
  for (const [name, work, must] of [
    ['two machines of 100 ms, 8 at a time', [100, 100], '>=0.97'],
    ['the second at half speed', [100, 200], '>=0.95'],
  ] as const) {
    const machines = await Machines.start(work, { MAX_JOBS_PER_INSTANCE: '2', MAX_CONCURRENT_JOBS: '4' });
    const api = new ApiClient(machines.server);
    const picture = await Picture.ofSize(SMALL_BYTES);
    await perSecond(8, 8, () => api.process(picture.next()));
    const done = await perSecond(jobs, 8, () => api.process(picture.next()));
    const ideal = work.reduce((sum, each) => sum + 1000 / each, 0);
    await api.close();
    await machines.stop();
    rows.push(
      row(name, { measured: rate(done), comparedWith: `ideal: ${rate(ideal)}`, ratio: done / ideal }, must),
    );
  }
  return rows;
}

/** From the program's start until it listens; and the import of the app alone, in a process of its own. */
export async function start(): Promise<Row[]> {
  const times: number[] = [];
  for (let n = 0; n < 5; n += 1) {
    const startedAt = performance.now();
    const child = await Machines.listen();
    times.push(performance.now() - startedAt);
    await child.stop();
  }
  const best = Math.min(...times);
  const imported = Math.min(...Array.from({ length: 5 }, importTime));
  return [
    row('start to listening', { measured: ms(best), comparedWith: '1 second', ratio: best / 1000 }, '<=0.5'),
    row(
      'import of the app',
      { measured: ms(imported), comparedWith: '1 second', ratio: imported / 1000 },
      '<=0.3',
    ),
  ];
}

/** Milliseconds that Node takes to import the app with all that it needs. */
function importTime(): number {
  const app = new URL('../dist/app.js', import.meta.url).href;
  const code = `const t = performance.now(); await import('${app}'); console.log(performance.now() - t)`;
  return Number(execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' }));
}
