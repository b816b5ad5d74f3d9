import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ApiClient } from './ApiClient.js';
import { Machines } from './machines.js';
import { byTurns, oneByOne, perSecond } from './measure.js';
import { KEPT_RESULTS, WIDTH } from './pair.js';
import { LARGE, Picture, SIZES } from './pictures.js';
import { type Effort, jobsPerSecond, milliseconds, type Row, row } from './rows.js';
import { cpuMicroseconds } from './system.js';

interface Server {
  readonly machines: Machines;
  readonly api: ApiClient;
}

async function open(script?: URL): Promise<Server> {
  const machines = await Machines.start([0, 0], KEPT_RESULTS, [], 0, script);
  return { machines, api: new ApiClient(machines.server) };
}

/**
 * Compares this build with another one, each with its own machines, by turns in one run: did a change make the server slower?
 * @param folder of the other build: a checkout in which `npm run build` ran
 */
export async function against(folder: string, { rounds, goes }: Effort): Promise<Row[]> {
  const [ours, theirs] = [await open(), await open(pathToFileURL(path.resolve(folder, 'dist/server.js')))];
  const rows: Row[] = [];
  try {
    for (const [name, size] of SIZES) {
      const picture = await Picture.ofSize(size);
      const count = size === LARGE ? goes / 4 : 2 * goes;
      const single = ({ api }: Server) => oneByOne(count / 2, () => api.process(picture.next()));
      const wide = ({ api }: Server) => perSecond(count, WIDTH, () => api.process(picture.next()));
      // Until both servers are compiled, which a server is after some thousand jobs.
      for (let n = 0; n < rounds; n += 1) for (const one of [ours, theirs]) await wide(one);
      const times = await byTurns(
        2 * rounds,
        () => single(ours),
        () => single(theirs),
      );
      rows.push(
        row(`${name}, one at a time`, compared(times.a, times.b, times.ratio, milliseconds), '<=1.03'),
      );
      const rates = await byTurns(
        2 * rounds,
        () => wide(ours),
        () => wide(theirs),
      );
      rows.push(
        row(`${name}, ${WIDTH} at a time`, compared(rates.a, rates.b, rates.ratio, jobsPerSecond), '>=0.97'),
      );
      const cpu = await byTurns(
        2 * rounds,
        () => cpuOf(ours, count, wide),
        () => cpuOf(theirs, count, wide),
      );
      rows.push(
        row(
          `${name}, ${WIDTH} at a time, CPU of the server`,
          compared(cpu.a, cpu.b, cpu.ratio, milliseconds),
          '<=1.03',
        ),
      );
    }
    return rows;
  } finally {
    for (const { api, machines } of [ours, theirs]) {
      await api.close();
      await machines.stop();
    }
  }
}

const compared = (a: number, b: number, ratio: number, unit: (value: number) => string) => ({
  measured: unit(a),
  comparedWith: `the other build: ${unit(b)}`,
  ratio,
});

/** Returns the CPU time per job, ms. */
async function cpuOf(
  server: Server,
  jobs: number,
  work: (server: Server) => Promise<unknown>,
): Promise<number> {
  const before = cpuMicroseconds(server.machines.pid);
  await work(server);
  return (cpuMicroseconds(server.machines.pid) - before) / 1000 / jobs;
}
