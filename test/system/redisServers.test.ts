import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { colourOf, distance, middle, png } from '../support/pictures.js';
import { ServerProcess } from '../support/process.js';
import { RedisServer, requireRedis } from '../support/RedisServer.js';

/** A hold of 15 s, two looks of BullMQ, and what a busy computer needs. */
const TAKEN_OVER_MS = 60_000;

const picture = (n: number) => png({ colour: colourOf(n) });

describe.runIf(requireRedis())('servers with QUEUE=redis', () => {
  let redis: RedisServer;
  let simulators: Simulator[];
  let assets: string;
  let servers: ServerProcess[] = [];
  let prefixes = 0;

  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    simulators = [await startSimulator(), await startSimulator()];
    assets = await mkdtemp(path.join(tmpdir(), 'assets-'));
    prefixes += 1;
  });
  afterEach(async () => {
    await Promise.all(servers.map((server) => server.kill()));
    servers = [];
    await Promise.all(simulators.map((simulator) => simulator.stop()));
  });

  async function start(env: Record<string, string> = {}): Promise<{ server: ServerProcess; client: Client }> {
    const server = await ServerProcess.start({
      COMFYUI_HOST: simulators.map(({ host }) => host).join(','),
      QUEUE: 'redis',
      REDIS_URL: redis.url,
      REDIS_PREFIX: `test-${prefixes}`,
      ASSET_STORE: 'disk',
      ASSET_DIR: assets,
      SHUTDOWN_TIMEOUT: '2000',
      HEALTH_CHECK_INTERVAL: '500',
      ...env,
    });
    servers.push(server);
    return { server, client: new Client(server.baseUrl) };
  }

  const executions = () => simulators.flatMap((simulator) => simulator.executions);

  async function expectOwn(client: Client, id: string, n: number): Promise<void> {
    const image = await client.resultImage(id);
    expect(distance(await middle(image), colourOf(n))).toBeLessThan(8);
  }

  it('do each other’s jobs, and answer for all of them', async () => {
    const [a, b] = await Promise.all([start(), start()]);
    const ids = await Promise.all(
      Array.from({ length: 20 }, async (_, n) =>
        (n % 2 ? a : b).client.submit('upscale-image', await picture(n)),
      ),
    );
    for (const [n, id] of ids.entries()) {
      const other = n % 2 ? b : a;
      expect((await other.client.finished(id)).status).toBe('completed');
      await expectOwn(other.client, id, n);
    }
    expect(executions().length).toBe(20);
    const cancelled = await b.client.request(`/api/jobs/${ids[0]}`, { method: 'DELETE' });
    expect(cancelled.ok).toBe(true);
    await a.client.error(`/api/jobs/${ids[0]}/status`, 404);
  });

  it('go on with the jobs of one that was killed, from the prompts that it left', {
    timeout: 120_000,
  }, async () => {
    for (const simulator of simulators) simulator.setWork(4000);
    const a = await start();
    const ids = await Promise.all(
      [0, 1, 2, 3].map(async (n) => a.client.submit('upscale-image', await picture(n))),
    );
    await Promise.all(ids.map((id) => a.client.until(id, ({ status }) => status === 'processing')));
    await eventually(() => expect(simulators.map(({ promptIds }) => promptIds.length)).toEqual([2, 2]));
    const b = await start();
    await a.server.kill();
    for (const [n, id] of ids.entries()) {
      await eventually(
        async () => expect((await b.client.status(id)).status).toBe('completed'),
        TAKEN_OVER_MS,
      );
      await expectOwn(b.client, id, n);
    }
    expect(executions().length).toBe(4);
  });

  it('go on with their own jobs after a crash, and leave their prompts alone', {
    timeout: 120_000,
  }, async () => {
    for (const simulator of simulators) simulator.setWork(4000);
    const STATE_DIR = await mkdtemp(path.join(tmpdir(), 'state-'));
    const before = await start({ STATE_DIR });
    const ids = await Promise.all(
      [0, 1, 2, 3, 4, 5].map(async (n) => before.client.submit('upscale-image', await picture(n))),
    );
    await eventually(() => expect(simulators.map(({ promptIds }) => promptIds.length)).toEqual([2, 2]));
    await before.server.kill();
    const after = await start({ STATE_DIR });
    for (const [n, id] of ids.entries()) {
      await eventually(
        async () => expect((await after.client.status(id)).status).toBe('completed'),
        TAKEN_OVER_MS,
      );
      await expectOwn(after.client, id, n);
    }
    expect(executions().length).toBe(6);
  });

  it('hand over what runs when one of them is stopped', { timeout: 120_000 }, async () => {
    for (const simulator of simulators) simulator.setWork(3000);
    const a = await start();
    const b = await start();
    const ids = await Promise.all(
      Array.from({ length: 8 }, async (_, n) => a.client.submit('upscale-image', await picture(n))),
    );
    await eventually(() => expect(simulators.map(({ promptIds }) => promptIds.length)).toEqual([4, 4]));
    a.server.child.kill('SIGTERM');
    expect(await a.server.ended()).toBe(0);
    for (const [n, id] of ids.entries()) {
      await eventually(
        async () => expect((await b.client.status(id)).status).toBe('completed'),
        TAKEN_OVER_MS,
      );
      await expectOwn(b.client, id, n);
    }
    expect(executions().length).toBe(8);
  });

  it('lose nothing while Redis is away, and say so', { timeout: 120_000 }, async () => {
    for (const simulator of simulators) simulator.setWork(1500);
    const own = await RedisServer.start();
    const { client, server } = await start({ REDIS_URL: own.url });
    const ids = await Promise.all(
      [0, 1, 2, 3].map(async (n) => client.submit('upscale-image', await picture(n))),
    );
    await eventually(() => expect(simulators.map(({ promptIds }) => promptIds.length)).toEqual([2, 2]));
    await own.kill();
    await eventually(async () => expect((await client.request('/status')).status).toBe(503));
    const refused = await client.post('/api/async/upscale-image', await picture(9));
    expect(refused.status).toBe(503);
    expect(((await refused.json()) as { code: string }).code).toBe('QUEUE_UNAVAILABLE');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    // Both machines end what runs.
    await eventually(() => expect(simulators.map(({ queueRemaining }) => queueRemaining)).toEqual([0, 0]));
    await own.restart();
    for (const [n, id] of ids.entries()) {
      await eventually(async () => expect((await client.status(id)).status).toBe('completed'), TAKEN_OVER_MS);
      await expectOwn(client, id, n);
    }
    expect(executions().length).toBe(4);
    await eventually(() => expect(server.output).toContain('Redis is back'));
    const told = server.lines().filter(({ message }) => /Redis/.test(message));
    expect(told.map(({ message }) => message)).toEqual(['Redis is not available', 'Redis is back']);
    const shouted = server.lines().filter(({ level }) => level === 'error');
    // The jobs that ended meanwhile are recorded later: that is said once.
    expect(shouted.map(({ message }) => message)).toEqual([
      'A store failed, what is left to do is tried again',
    ]);
    await server.kill();
    await own.stop();
  });
});
