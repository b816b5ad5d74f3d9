import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { asyncAnswer } from '../../src/schemas/jobs.js';
import { startSimulator } from '../../src/simulator/index.js';
import { Client } from '../support/client.js';
import { freePort } from '../support/freePort.js';
import { colourOf, distance, middle, png } from '../support/pictures.js';
import { ServerProcess } from '../support/process.js';
import { RedisServer, requireRedis } from '../support/RedisServer.js';

const TLS = path.resolve(import.meta.dirname, '../cases/tls');

/** Uses jobs through a server with Redis: waits for them, reads, lists, cancels and deletes them. */
async function expectUsable(url: string, env: Record<string, string> = {}): Promise<void> {
  const simulator = await startSimulator();
  const folder = await mkdtemp(path.join(tmpdir(), 'assets-'));
  const server = await ServerProcess.start({
    COMFYUI_HOST: simulator.host,
    QUEUE: 'redis',
    REDIS_URL: url,
    ASSET_STORE: 'disk',
    ASSET_DIR: folder,
    RATE_LIMIT_PER_MINUTE: '1000',
    SHUTDOWN_TIMEOUT: '2000',
    ...env,
  });
  try {
    const client = new Client(server.baseUrl);
    const { image } = await client.process('upscale-image', await png({ colour: colourOf(1) }));
    expect(distance(await middle(image), colourOf(1))).toBeLessThan(8);
    simulator.setWork(60_000);
    const headers = { 'Idempotency-Key': 'once' };
    const another = await png({ colour: colourOf(2) });
    const submit = async () =>
      asyncAnswer.parse(await (await client.post('/api/async/upscale-image', another, { headers })).json());
    const [one, again] = [await submit(), await submit()];
    expect(again.job_id).toBe(one.job_id);
    const list = await (await client.request('/api/jobs/list?status=completed')).json();
    expect(list).toMatchObject({ total: 1 });
    expect((await client.request(`/api/jobs/${one.job_id}/cancel`, { method: 'POST' })).status).toBe(200);
    expect((await client.request(`/api/jobs/${one.job_id}`, { method: 'DELETE' })).status).toBe(200);
    await client.error(`/api/jobs/${one.job_id}/status`, 404);
    const wrong = server.lines().filter(({ level }) => level === 'error');
    expect(wrong).toEqual([]);
  } finally {
    await server.kill();
    await simulator.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

describe.runIf(requireRedis())('a Redis', { timeout: 90_000 }, () => {
  it('that is a node of a cluster works: all keys are in one slot', async () => {
    // By default the cluster port is 10,000 above the other one, and another program may use it.
    const cluster = ['--cluster-enabled', 'yes', '--cluster-port', String(await freePort())];
    const redis = await RedisServer.start(...cluster);
    const client = new Redis(redis.url);
    try {
      // The server starts before the cluster is up.
      const added = delay(1500).then(() => client.cluster('ADDSLOTSRANGE', 0, 16_383));
      await Promise.all([expectUsable(redis.url), added]);
      const keys = await client.keys('*');
      expect(keys.length).toBeGreaterThan(5);
      const slots = new Set(await Promise.all(keys.map((key) => client.cluster('KEYSLOT', key))));
      expect(slots.size).toBe(1);
    } finally {
      client.disconnect();
      await redis.stop();
    }
  });

  it('behind TLS, with a password and a database, works', async () => {
    const port = await freePort();
    const files = ['--tls-cert-file', `${TLS}/cert.pem`, '--tls-key-file', `${TLS}/key.pem`];
    const tls = ['--tls-port', String(port), ...files, '--tls-auth-clients', 'no'];
    const redis = await RedisServer.start(...tls);
    const client = new Redis(redis.url);
    await client.acl('SETUSER', 'fleet', 'on', '>s3cret/word', '~*', '&*', '+@all');
    client.disconnect();
    try {
      const url = `rediss://fleet:${encodeURIComponent('s3cret/word')}@127.0.0.1:${port}/2`;
      await expectUsable(url, { NODE_EXTRA_CA_CERTS: `${TLS}/cert.pem` });
    } finally {
      await redis.stop();
    }
  });
});
