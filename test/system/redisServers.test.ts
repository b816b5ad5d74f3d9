import { randomUUID } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { colourOf, distance, middle, png } from '../support/pictures.js';
import { ServerProcess } from '../support/process.js';
import { RedisServer, requireRedis } from '../support/RedisServer.js';

/** A hold of 15 s, two checks by BullMQ, and a reserve for a busy computer. */
const TAKEN_OVER_MS = 60_000;

const picture = (n: number) => png({ colour: colourOf(n) });

/** The simulated machines and servers of one test. */
class Site {
  readonly simulators: readonly Simulator[];
  readonly #redisUrl: string;
  readonly #assets: string;
  readonly #prefix = `test-${randomUUID()}`;
  readonly #servers: ServerProcess[] = [];

  private constructor(simulators: readonly Simulator[], redisUrl: string, assets: string) {
    this.simulators = simulators;
    this.#redisUrl = redisUrl;
    this.#assets = assets;
  }

  static async open(redisUrl: string, workMs = 0): Promise<Site> {
    const simulators = [await startSimulator(), await startSimulator()];
    for (const simulator of simulators) simulator.setWork(workMs);
    return new Site(simulators, redisUrl, await mkdtemp(path.join(tmpdir(), 'assets-')));
  }

  async start(env: Record<string, string> = {}): Promise<{ server: ServerProcess; client: Client }> {
    const server = await ServerProcess.start({
      COMFYUI_HOST: this.simulators.map(({ host }) => host).join(','),
      QUEUE: 'redis',
      REDIS_URL: this.#redisUrl,
      REDIS_PREFIX: this.#prefix,
      ASSET_STORE: 'disk',
      ASSET_DIR: this.#assets,
      SHUTDOWN_TIMEOUT: '2000',
      HEALTH_CHECK_INTERVAL: '500',
      ...env,
    });
    this.#servers.push(server);
    return { server, client: new Client(server.baseUrl) };
  }

  get executions(): number {
    return this.simulators.reduce((sum, { executions }) => sum + executions.length, 0);
  }

  /** Waits until each machine has received so many prompts. */
  async prompts(count: number): Promise<void> {
    await eventually(() => {
      expect(this.simulators.map(({ promptIds }) => promptIds.length)).toEqual([count, count]);
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.kill()));
    await Promise.all(this.simulators.map((simulator) => simulator.stop()));
  }
}

/** Submits `count` images, each with its own colour. */
function submitted(client: Client, count: number, fields: Record<string, string> = {}): Promise<string[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, n) => client.submit('upscale-image', await picture(n), fields)),
  );
}

/** Waits until all jobs are completed, each with its own image. */
async function expectAllDone(client: Client, ids: readonly string[]): Promise<void> {
  for (const [n, id] of ids.entries()) {
    await eventually(async () => expect((await client.status(id)).status).toBe('completed'), TAKEN_OVER_MS);
    expect(distance(await middle(await client.resultImage(id)), colourOf(n))).toBeLessThan(8);
  }
}

// They mostly wait: for work, and for holds to expire.
describe.runIf(requireRedis()).concurrent('servers with QUEUE=redis', { timeout: 180_000 }, () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis.stop());

  /** @param workMs time for each image */
  const withSite = (workMs: number, test: (site: Site) => Promise<void>) => async () => {
    const site = await Site.open(redis.url, workMs);
    try {
      await test(site);
    } finally {
      await site.close();
    }
  };

  it(
    'do each other’s jobs, and answer for all of them',
    withSite(0, async (site) => {
      const [a, b] = await Promise.all([site.start(), site.start()]);
      const [ofA, ofB] = await Promise.all([submitted(a.client, 10), submitted(b.client, 10)]);
      await expectAllDone(b.client, ofA);
      await expectAllDone(a.client, ofB);
      expect(site.executions).toBe(20);
      const response = await b.client.request(`/api/jobs/${ofA[0]}`, { method: 'DELETE' });
      expect(response.ok).toBe(true);
      await a.client.error(`/api/jobs/${ofA[0]}/status`, 404);
    }),
  );

  it(
    'go on with the jobs of one that was killed, from the prompts that it left',
    withSite(4000, async (site) => {
      const a = await site.start();
      // They start in time, and are taken over later.
      const ids = await submitted(a.client, 4, { deadline_seconds: '10' });
      await site.prompts(2);
      const b = await site.start();
      await a.server.kill();
      await expectAllDone(b.client, ids);
      for (const id of ids) {
        const { attempts, processing_time_seconds } = await b.client.status(id);
        expect(attempts).toBe(1);
        expect(processing_time_seconds).toBeGreaterThan(4);
      }
      expect(site.executions).toBe(4);
    }),
  );

  it(
    'go on with their own jobs after a crash, and leave their prompts alone',
    withSite(4000, async (site) => {
      const STATE_DIR = await mkdtemp(path.join(tmpdir(), 'state-'));
      const before = await site.start({ STATE_DIR });
      const ids = await submitted(before.client, 6);
      await site.prompts(2);
      await before.server.kill();
      const after = await site.start({ STATE_DIR });
      await expectAllDone(after.client, ids);
      expect(site.executions).toBe(6);
    }),
  );

  it(
    'hand over what runs when one of them is stopped',
    withSite(3000, async (site) => {
      const [a, b] = [await site.start(), await site.start()];
      const ids = await submitted(a.client, 8);
      await eventually(() => expect(site.executions).toBe(2));
      a.server.child.kill('SIGTERM');
      expect(await a.server.ended()).toBe(0);
      await expectAllDone(b.client, ids);
      expect(site.executions).toBe(8);
    }),
  );

  it('lose nothing while Redis is away, and say so', async () => {
    const own = await RedisServer.start();
    const site = await Site.open(own.url, 1500);
    try {
      const { client, server } = await site.start();
      const ids = await submitted(client, 4);
      await site.prompts(2);
      await own.kill();
      await eventually(async () => expect((await client.request('/status')).status).toBe(503));
      const refused = await client.post('/api/async/upscale-image', await picture(9));
      expect(refused.status).toBe(503);
      expect(((await refused.json()) as { code: string }).code).toBe('QUEUE_UNAVAILABLE');
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      // Both machines finish what runs.
      await eventually(() => {
        expect(site.simulators.map(({ queueRemaining }) => queueRemaining)).toEqual([0, 0]);
      });
      await own.restart();
      await expectAllDone(client, ids);
      expect(site.executions).toBe(4);
      await eventually(() => expect(server.output).toContain('Redis is available again'));
      const told = server.lines().filter(({ message }) => /^Redis/.test(message));
      expect(told.map(({ message }) => message)).toEqual([
        'Redis is unavailable',
        'Redis is available again',
      ]);
      const shouted = server.lines().filter(({ level }) => level === 'error');
      // The jobs that ended meanwhile are recorded later: this is logged once.
      expect(shouted.map(({ message }) => message)).toEqual(['A store failed, pending work will be retried']);
    } finally {
      await site.close();
      await own.stop();
    }
  });
});
