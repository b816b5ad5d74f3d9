import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskFolders } from '../../src/simulator/DiskFolders.js';
import type { Folders } from '../../src/simulator/folders.js';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { MemoryFolders } from '../../src/simulator/MemoryFolders.js';
import { RoundRobinProxy } from '../../src/simulator/RoundRobinProxy.js';
import { colourOf, distance, middle, png } from '../support/pictures.js';
import { entryOf, outputOf, run } from './graphs.js';
import { call, FrameRecorder } from './recorder.js';
import { upload, view } from './upload.js';

const simulators: Simulator[] = [];
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'folders-'));
});
afterEach(async () => {
  await Promise.all(simulators.splice(0).map((one) => one.stop()));
  await rm(directory, { recursive: true, force: true });
});

async function start(...options: Parameters<typeof startSimulator>): Promise<Simulator> {
  const simulator = await startSimulator(...options);
  simulators.push(simulator);
  return simulator;
}

/** A graph that saves an image unchanged, with the same prefix for every job. */
const saved = (name: string) => ({
  '1': { class_type: 'LoadImage', inputs: { image: name } },
  '3': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'mw' } },
});

describe.each([
  ['in memory', () => new MemoryFolders()],
  ['on disk', () => new DiskFolders(directory)],
])('folders %s', (_, create) => {
  let folders: Folders;
  beforeEach(() => {
    folders = create();
  });
  const place = (filename: string, subfolder = 'a/b') => ({ type: 'output', subfolder, filename }) as const;

  it('keep files, and number by what lies in them', () => {
    expect(folders.read(place('x_00001_.png'))).toBeUndefined();
    folders.write(place('x_00001_.png'), Buffer.from('1'));
    folders.write(place('x_00007_.png'), Buffer.from('7'));
    folders.write(place('x_00007_.png'), Buffer.from('again'));
    folders.write(place('x_y_00009_.png'), Buffer.from('9'));
    expect(folders.read(place('x_00007_.png'))?.toString()).toBe('again');
    expect(folders.names('output', 'a/b').sort()).toEqual(['x_00001_.png', 'x_00007_.png', 'x_y_00009_.png']);
    expect(folders.highestNumber('output', 'a/b', 'x')).toBe(7);
    folders.remove(place('x_00007_.png'));
    expect(folders.highestNumber('output', 'a/b', 'x')).toBe(1);
    folders.remove(place('x_00001_.png'));
    expect(folders.highestNumber('output', 'a/b', 'x')).toBe(0);
    folders.write(place('kept.png', ''), Buffer.from('k'));
    folders.empty('temp');
    expect(folders.names('output')).toEqual(['kept.png']);
    folders.empty('output');
    expect(folders.names('output', 'a/b')).toEqual([]);
  });

  it('give two machines that save at a time the same name, and one picture is lost', async () => {
    const [one, other] = [await start({ folders, pngCost: 20 }), await start({ folders, pngCost: 20 })];
    const sockets = await Promise.all([one, other].map((simulator) => FrameRecorder.open(simulator, 'me')));
    for (const n of [0, 1]) {
      const bytes = await png({ width: 500, height: 500, colour: colourOf(n) });
      folders.write({ type: 'input', subfolder: '', filename: `in-${n}.png` }, bytes);
    }
    const names = await Promise.all(
      [one, other].map(async (simulator, n) => {
        const socket = sockets[n];
        if (!socket) throw new Error('a socket each');
        return outputOf(socket, await run(simulator, socket, saved(`in-${n}.png`)))['images']?.[0];
      }),
    );
    expect(names[0]).toEqual({ filename: 'mw_00001_.png', subfolder: '', type: 'output' });
    expect(names[1]).toEqual(names[0]);
    expect(folders.names('output')).toEqual(['mw_00001_.png']);
  });
});

describe('a cache of a few results', () => {
  it("answers a job with another one's picture when its file is gone and the number is taken", async () => {
    const simulator = await start({ cacheSize: 10 });
    const socket = await FrameRecorder.open(simulator, 'me');
    const [a, b] = [colourOf(1), colourOf(200)];
    await upload(simulator, { name: 'a.png', bytes: await png({ colour: a }) });
    await upload(simulator, { name: 'b.png', bytes: await png({ colour: b }) });
    const imageOf = async (name: string) =>
      outputOf(socket, await run(simulator, socket, saved(name)))['images']?.[0];
    const place = await imageOf('a.png');
    expect(distance(await middle(await view(simulator, place)), a)).toBeLessThan(5);
    simulator.folders.remove(place as Parameters<Folders['remove']>[0]);
    expect(await imageOf('b.png')).toEqual(place);
    expect(await imageOf('a.png')).toEqual(place);
    expect(distance(await middle(await view(simulator, place)), b)).toBeLessThan(5);
  });

  it('forgets what was used longest ago; the classic one all but the last prompt', async () => {
    const cached = async (cacheSize: number | undefined) => {
      const simulator = await start({ cacheSize });
      const socket = await FrameRecorder.open(simulator, 'me');
      const nodes: unknown[] = [];
      for (const name of ['a.png', 'b.png', 'c.png', 'a.png', 'a.png']) {
        await upload(simulator, { name, bytes: await png({ colour: colourOf(name.charCodeAt(0)) }) });
        const id = await run(simulator, socket, saved(name));
        nodes.push(socket.of(id)[1]?.data['nodes']);
      }
      return nodes;
    };
    const all = ['1', '3'];
    expect(await cached(6)).toEqual([[], [], [], all, all]);
    expect(await cached(2)).toEqual([[], [], [], [], all]);
    expect(await cached(undefined)).toEqual([[], [], [], [], all]);
  });
});

describe('the cost of PNG', () => {
  it.each([false, true])('is what ComfyUI takes, echo %s', async (isEcho) => {
    const simulator = await start({ pngCost: 1, isEcho });
    const socket = await FrameRecorder.open(simulator, 'me');
    await upload(simulator, { name: 'a.png', bytes: await png({ width: 1600, height: 1000 }) });
    const preview = { class_type: 'PreviewImage', inputs: { images: ['1', 0] } };
    const timed = async (prompt: unknown) => {
      const since = performance.now();
      await run(simulator, socket, prompt);
      return performance.now() - since;
    };
    // The first run includes decoding, the second one uses the cache.
    expect(await timed({ ...saved('a.png'), '3': preview })).toBeGreaterThan(1.6 * (25 + 62) - 5);
    expect(await timed(saved('a.png'))).toBeGreaterThan(1.6 * 155 - 5);
  });
});

describe('a proxy', () => {
  it('spreads what is asked over several machines', async () => {
    const machines = [await start({}), await start({})];
    const proxy = new RoundRobinProxy(machines.map(({ host }) => host));
    await proxy.start();
    try {
      const asked = { host: proxy.host } as Simulator;
      const socket = await FrameRecorder.open(asked, 'me');
      for (const name of ['a.png', 'a.png']) await upload(asked, { name, bytes: await png() });
      expect(machines.map(({ folders }) => folders.names('input'))).toEqual([['a.png'], ['a.png']]);
      const prompt = { prompt: saved('a.png'), client_id: 'me' };
      const { prompt_id } = (await call(asked, 'POST', '/prompt', prompt)).json as { prompt_id: string };
      const runner = machines.find(({ promptIds }) => promptIds.length === 1);
      expect(machines.flatMap(({ promptIds }) => promptIds)).toEqual([prompt_id]);
      if (!runner) throw new Error('nobody has it');
      await entryOf(runner, prompt_id);
      const answers = [];
      for (let n = 0; n < 4; n += 1) answers.push((await call(asked, 'GET', `/history/${prompt_id}`)).text);
      expect(answers.map((text) => text === '{}').sort()).toEqual([false, false, true, true]);
      await socket.close();
    } finally {
      await proxy.stop();
    }
  });
});
