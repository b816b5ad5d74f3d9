import { randomUUID } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { RedisServer, requireRedis } from '../support/RedisServer.js';
import { Stack } from '../support/stack.js';

/** Keys that do not depend on the number of jobs: the servers that run, two sequences, the types, and BullMQ's own keys of the used type. */
const KEPT = [
  // Gone 6 s after the last server.
  'asset-stores',
  'assets:processes',
  'jobs:sequence',
  // Gone 30 s after the last server.
  'known-machines',
  'queue:upscale-image:events',
  'queue:upscale-image:id',
  'queue:upscale-image:meta',
  'types',
  'waiting:sequence',
];

/** Temporary keys of BullMQ, one for each type. */
const PASSING = /:(marker|pc|stalled|stalled-check)$/;

/** Metrics of each server and the total: what it counted and what it runs. */
const FIGURES = /^figures(:[^:]+(:(minutes|now))?)?$/;

describe.runIf(requireRedis())('two servers with QUEUE=redis', () => {
  let redis: RedisServer;
  let client: Redis;
  let simulators: Simulator[];
  let stacks: Stack[];
  const prefix = `test-${randomUUID()}`;
  beforeAll(async () => {
    redis = await RedisServer.start();
    client = new Redis(redis.port, '127.0.0.1');
    simulators = [await startSimulator(), await startSimulator()];
    const env = {
      COMFYUI_HOST: simulators.map(({ host }) => host).join(','),
      QUEUE: 'redis',
      REDIS_URL: redis.url,
      REDIS_PREFIX: prefix,
      ASSET_STORE: 'disk',
      ASSET_DIR: await mkdtemp(path.join(tmpdir(), 'assets-')),
      JOB_CLEANUP_INTERVAL: '1000',
    };
    stacks = [await Stack.start({ simulators: [], env }), await Stack.start({ simulators: [], env })];
  });
  afterAll(async () => {
    await Promise.all(stacks.map((stack) => stack.stop()));
    await Promise.all(simulators.map((simulator) => simulator.stop()));
    client.disconnect();
    await redis.stop();
  });

  /** Submits jobs with idempotency keys, some of which are cancelled. */
  async function submit(jobs: number): Promise<void> {
    const one = async (n: number) => {
      const stack = stacks[n % stacks.length];
      if (!stack) throw new Error('no server');
      const headers = { 'Idempotency-Key': `key ${n}` };
      const image = await png({ colour: colourOf(n) });
      const answer = await stack.client.post('/api/async/upscale-image', image, { headers });
      expect(answer.status).toBe(202);
      const { job_id } = (await answer.json()) as { job_id: string };
      if (n % 5 === 0) await stack.client.request(`/api/jobs/${job_id}/cancel`, { method: 'POST' });
    };
    await Promise.all(Array.from({ length: jobs }, (_, n) => one(n)));
  }

  it('leave a small number of keys in Redis, however many jobs expired', async () => {
    await submit(60);
    const base = `{${prefix}}:`;
    await eventually(async () => expect(await client.zcard(`${base}jobs`)).toBe(0), 60_000);
    await eventually(async () => {
      const keys = (await client.keys(`${base}*`)).map((key) => key.slice(base.length));
      expect(keys.filter((key) => FIGURES.test(key)).length).toBeLessThanOrEqual(1 + 3 * stacks.length);
      const others = keys.filter((key) => !PASSING.test(key) && !FIGURES.test(key));
      expect(others.sort()).toEqual(KEPT);
    }, 30_000);
  }, 120_000);
});
