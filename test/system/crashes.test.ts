import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { colourOf, distance, middle, png } from '../support/pictures.js';
import { ServerProcess } from '../support/process.js';

let simulator: Simulator;
let stateDir: string;
let servers: ServerProcess[] = [];

beforeEach(async () => {
  simulator = await startSimulator();
  stateDir = await mkdtemp(path.join(tmpdir(), 'state-'));
});
afterEach(async () => {
  await Promise.all(servers.map((server) => server.kill()));
  servers = [];
  await simulator.stop();
});

async function start(): Promise<Client> {
  const env = {
    COMFYUI_HOST: simulator.host,
    STATE_DIR: stateDir,
    SHUTDOWN_TIMEOUT: '1000',
    HEALTH_CHECK_INTERVAL: '300',
  };
  const server = await ServerProcess.start(env);
  servers.push(server);
  return new Client(server.baseUrl);
}

const lines = (message: string) => servers.flatMap((one) => one.lines()).filter((l) => l.message === message);

/** Sizes of the uploaded images in the temp folder, by name. */
const uploads = () => {
  const names = simulator.folders.names('temp').filter((name) => /^comfyui-express-.*-\d+\.png$/.test(name));
  return new Map(
    names.map((filename) => {
      const place = { type: 'temp', subfolder: '', filename } as const;
      return [filename, simulator.folders.read(place)?.length ?? 0];
    }),
  );
};

async function expectJobToGoWell(client: Client, n: number): Promise<void> {
  const { image } = await client.process('upscale-image', await png({ colour: colourOf(n) }));
  expect(distance(await middle(image), colourOf(n))).toBeLessThan(8);
}

/** Leaves two jobs on the machine, one running and one waiting, and another client's prompt behind them. */
async function leavePrompts(): Promise<void> {
  simulator.setWork(8000);
  const client = await start();
  for (let n = 0; n < 3; n += 1) await client.submit('upscale-image', await png({ colour: colourOf(n) }));
  await eventually(() => expect(simulator.queueRemaining).toBe(2));
  simulator.addStrangers(1, 0.2);
}

describe('what a server left on a machine', () => {
  it.each(['SIGKILL', 'SIGTERM'] as const)('is cleaned up at the next start, after %s', async (signal) => {
    await leavePrompts();
    const [first] = servers;
    // An unresponsive machine prevents the cleanup during an orderly shutdown.
    simulator.faults.neverAnswer = true;
    first?.child.kill(signal);
    await first?.ended();
    await simulator.behave();
    const before = uploads();
    expect(before.size).toBeGreaterThan(0);
    simulator.setWork(0);
    const client = await start();
    // Only the other client's prompt runs to its end.
    await eventually(() => expect(simulator.queueRemaining).toBe(0));
    await eventually(() => expect(simulator.historyIds).toEqual([...simulator.strangerIds]));
    expect(lines('Cleaned up after an earlier run')).not.toEqual([]);
    for (const name of before.keys()) expect(uploads().get(name), name).toBeLessThan(100);
    await expectJobToGoWell(client, 7);
    for (const name of before.keys()) expect(uploads().get(name), name).toBeLessThan(100);
    await eventually(async () => {
      expect((await readdir(stateDir)).filter((name) => name.endsWith('.json'))).toHaveLength(1);
    });
  });

  it('is not touched by a second server that shares its folder', async () => {
    simulator.setWork(400);
    const first = await start();
    const ids: string[] = [];
    for (let n = 0; n < 2; n += 1) {
      ids.push(await first.submit('upscale-image', await png({ colour: colourOf(n) })));
    }
    await eventually(() => expect(simulator.queueRemaining).toBe(2));
    await start();
    for (const [n, id] of ids.entries()) {
      expect(await first.finished(id)).toMatchObject({ status: 'completed', attempts: 1 });
      expect(distance(await middle(await first.resultImage(id)), colourOf(n))).toBeLessThan(8);
    }
    expect(lines('Cleaned up after an earlier run')).toEqual([]);
  });

  it('is nothing after an orderly end', async () => {
    const client = await start();
    await expectJobToGoWell(client, 3);
    servers[0]?.child.kill('SIGTERM');
    expect(await servers[0]?.ended()).toBe(0);
    await start();
    expect(simulator.queueRemaining).toBe(0);
    expect(simulator.historyIds).toEqual([]);
  });
});
