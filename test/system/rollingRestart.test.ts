import { randomUUID } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asyncAnswer, jobStatusAnswer } from '../../src/schemas/jobs.js';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { sleep } from '../../src/utils/timers.js';
import { Caddy, requireCaddy } from '../support/Caddy.js';
import { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { Nginx, requireNginx } from '../support/Nginx.js';
import { colourOf, distance, middle, png } from '../support/pictures.js';
import { ServerProcess } from '../support/process.js';
import { RedisServer, requireRedis } from '../support/RedisServer.js';
import { readEvents } from '../support/serverSentEvents.js';

const CLIENTS = 4;

const hasRedis = requireRedis();
const PROXIES = [
  { name: 'nginx', isThere: requireNginx(), start: Nginx.start, repeatsPosts: true },
  // Debian's version cannot send a POST to the other server (https://github.com/caddyserver/caddy/issues/7546).
  { name: 'Caddy', isThere: requireCaddy(), start: Caddy.start, repeatsPosts: false },
].filter(({ isThere }) => hasRedis && isThere);

describe.each(PROXIES)('two servers behind $name', ({ start, repeatsPosts }) => {
  let redis: RedisServer;
  let simulators: Simulator[];
  let servers: ServerProcess[];
  let env: Record<string, string>;
  let proxy: Nginx | Caddy;
  let client: Client;
  beforeAll(async () => {
    redis = await RedisServer.start();
    simulators = [await startSimulator(), await startSimulator()];
    for (const simulator of simulators) simulator.setWork(50);
    env = {
      COMFYUI_HOST: simulators.map(({ host }) => host).join(','),
      QUEUE: 'redis',
      REDIS_URL: redis.url,
      REDIS_PREFIX: `test-${randomUUID()}`,
      ASSET_STORE: 'disk',
      ASSET_DIR: await mkdtemp(path.join(tmpdir(), 'assets-')),
      TRUST_PROXY: 'loopback',
    };
    servers = await Promise.all([ServerProcess.start(env), ServerProcess.start(env)]);
    proxy = await start(servers.map(({ baseUrl }) => new URL(baseUrl).host));
    client = new Client(proxy.baseUrl);
  }, 120_000);
  afterAll(async () => {
    await proxy.stop();
    await Promise.all(servers.map((server) => server.kill()));
    await Promise.all(simulators.map((simulator) => simulator.stop()));
    await redis.stop();
  });

  /** Returns the response; retries a 503 with Retry-After. @throws Error for any other failure */
  async function ask(request: () => Promise<Response>, isPost = false): Promise<Response> {
    for (;;) {
      const response = await request();
      if (response.ok) return response;
      const text = await response.text();
      const mayComeAgain = response.status === 503 && response.headers.get('retry-after') !== null;
      const wasNotSent = response.status === 502 && isPost && !repeatsPosts;
      if (!mayComeAgain && !wasNotSent) throw new Error(`${response.status} ${text}\n${proxy.errors}`);
      await sleep(200);
    }
  }

  /** Runs one job: submits it, follows its events and fetches the result, like a client that knows only one address. */
  async function oneJob(n: number): Promise<void> {
    const picture = await png({ colour: colourOf(n) });
    const accepted = await ask(() => client.post('/api/async/upscale-image', picture), true);
    const { job_id } = asyncAnswer.parse(await accepted.json());
    for (;;) {
      const answer = await ask(() => client.request(`/api/jobs/${job_id}/status`));
      const { status } = jobStatusAnswer.parse(await answer.json());
      if (status === 'completed') break;
      expect(['pending', 'processing']).toContain(status);
      await sleep(50);
    }
    const result = await ask(() => client.request(`/api/jobs/${job_id}/result/image`));
    const image = Buffer.from(await result.arrayBuffer());
    expect(distance(await middle(image), colourOf(n))).toBeLessThan(8);
  }

  /** Sends `SIGTERM`, waits for the end, and starts the server again in the same place. */
  async function restart(n: number): Promise<void> {
    const server = servers[n];
    if (!server) throw new Error('no such server');
    const PORT = new URL(server.baseUrl).port;
    server.child.kill('SIGTERM');
    expect(await server.ended()).toBe(0);
    servers[n] = await ServerProcess.start({ ...env, PORT });
  }

  it('are restarted one after the other, and clients see nothing of it', async () => {
    let isOver = false;
    let jobs = 0;
    const load = Array.from({ length: CLIENTS }, async () => {
      while (!isOver) await oneJob(jobs++);
    });
    // The first failure is reported.
    const restarts = (async () => {
      await eventually(() => expect(jobs).toBeGreaterThan(2 * CLIENTS));
      for (const n of servers.keys()) {
        const before = jobs;
        await restart(n);
        await eventually(() => expect(jobs).toBeGreaterThan(before + CLIENTS));
      }
    })().finally(() => {
      isOver = true;
    });
    await Promise.all([...load, restarts]);
    const executions = simulators.flatMap((simulator) => simulator.executions);
    expect(executions.length).toBe(jobs);
  }, 180_000);

  it('get no requests while they are down', async () => {
    const [server] = servers;
    if (!server) throw new Error('no such server');
    const picture = await png();
    await server.kill();
    const statuses = async (count: number) => {
      const found: number[] = [];
      while (found.length < count)
        found.push((await client.post('/api/async/upscale-image', picture)).status);
      return [...new Set(found)];
    };
    // The proxy may need a few seconds to notice.
    await eventually(async () => expect(await statuses(6)).toEqual([202]), 15_000);
    expect(await statuses(20)).toEqual([202]);
    servers[0] = await ServerProcess.start({ ...env, PORT: new URL(server.baseUrl).port });
    await eventually(async () => {
      for (const count of [1, 2, 3, 4])
        expect([count, (await client.request('/livez')).status]).toEqual([count, 200]);
    });
  }, 60_000);

  it('pass large bodies on as they come, and events at once', async () => {
    for (const simulator of simulators) simulator.setWork(600);
    const large = await png({ width: 2000, height: 1500, colour: colourOf(1) });
    const padded = Buffer.concat([large, Buffer.alloc(3 * 1024 * 1024)]);
    const id = await client.submit('remove-background', padded);
    const response = await client.request(`/api/jobs/${id}/events`);
    const seen: string[] = [];
    for await (const { data } of readEvents(response)) {
      const { status } = data as { status: string };
      // The status must still hold when the client receives it.
      if (status === 'processing') expect((await client.status(id)).status).not.toBe('pending');
      seen.push(status);
    }
    expect(seen).toContain('processing');
    expect(seen.at(-1)).toBe('completed');
  });
});
