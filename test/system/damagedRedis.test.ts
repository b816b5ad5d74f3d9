import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { requireRedis } from '../support/RedisServer.js';
import { RedisSite } from '../support/RedisSite.js';
import type { Stack } from '../support/stack.js';

const ONE_AT_A_TIME = { MAX_JOBS_PER_INSTANCE: '1', MAX_CONCURRENT_JOBS: '1' };
const TYPE = 'upscale-image';

/** What can happen to an entry, whose key is given. */
const DAMAGES: Readonly<Record<string, (redis: Redis, key: string) => Promise<unknown>>> = {
  'data that are cut off': (redis, key) => redis.hset(key, 'data', '{"id":"'),
  'data of something else': (redis, key) => redis.hset(key, 'data', '{"id":7,"tried":null}'),
  'needs of something else': async (redis, key) => {
    const data = JSON.parse((await redis.hget(key, 'data')) ?? '');
    await redis.hset(key, 'data', JSON.stringify({ ...data, needs: { models: 'all' } }));
  },
  'no data': (redis, key) => redis.hdel(key, 'data'),
  'options that are cut off': (redis, key) => redis.hset(key, 'opts', '{'),
  'a text in its place': (redis, key) => redis.set(key, 'x'),
  'nothing in its place': (redis, key) => redis.del(key),
};

/** Single values of the indexes, whose prefix is given: each stands for all jobs or for one. */
const NUMBERS: Readonly<Record<string, (redis: Redis, prefix: string, id: string) => Promise<unknown>>> = {
  'the bytes of an entry': (redis, prefix, id) => redis.hset(`${prefix}:waiting:bytes`, id, 'x'),
  'no bytes of an entry': (redis, prefix, id) => redis.hdel(`${prefix}:waiting:bytes`, id),
  'the bytes of all entries': (redis, prefix) => redis.set(`${prefix}:waiting:total`, 'x'),
  'the sequence of entries': (redis, prefix) => redis.set(`${prefix}:waiting:sequence`, 'x'),
  'the name of a type': (redis, prefix) => redis.sadd(`${prefix}:types`, 'a:b', ''),
  'the number of jobs of a status': (redis, prefix) =>
    redis.hset(`${prefix}:jobs:counts`, 'status:pending', 'x', 'status:completed', 'x'),
  'the name of a count': (redis, prefix) => redis.hset(`${prefix}:jobs:counts`, 'type:%', '1'),
  'the sequence of jobs': (redis, prefix) => redis.set(`${prefix}:jobs:sequence`, 'x'),
};

/** Keys without which no job is accepted, and the beginning of a key that the refused command names. */
const NEEDED_BY_SUBMISSIONS: Readonly<Record<string, string>> = {
  'assets:holders': 'assets:holders',
  'assets:counts': 'assets:counts',
  'jobs:counts': 'jobs:counts',
  // The script constructs it.
  'jobs:status:pending': 'job:',
  'waiting:ranks': 'waiting:ranks',
  [`queue:${TYPE}:prioritized`]: `queue:${TYPE}:prioritized`,
};

const REFUSED = 'Redis refused commands in the last minute: the log has the errors and the keys.';

describe.runIf(requireRedis())('damage in Redis', () => {
  let site: RedisSite;
  let redis: Redis;
  let logger: RecordingLogger;
  let stack: Stack;
  beforeEach(async () => {
    site = await RedisSite.open();
    redis = site.connect();
    logger = new RecordingLogger();
    stack = await site.start({ env: ONE_AT_A_TIME, logger, overrides: { redis: { refusedMs: 3000 } } });
  });
  afterEach(() => site.close());

  const submit = async (n: number, type = TYPE) =>
    stack.client.submit(type, await png({ colour: colourOf(n) }));
  const warnings = () =>
    logger.lines.filter(({ message }) => message.startsWith('A queue entry cannot be read'));

  /** One job runs, two wait. */
  async function fill(): Promise<string[]> {
    // Long enough that the others still wait when they are damaged, even on a busy computer.
    site.simulator.setWork(3000);
    const running = await submit(0);
    await eventually(() => expect(site.simulator.executions).toHaveLength(1));
    return [running, await submit(1), await submit(2, 'remove-background')];
  }

  async function expectAllCompleted(ids: readonly string[]): Promise<void> {
    site.simulator.setWork(50);
    for (const id of ids) expect((await stack.client.finished(id)).status).toBe('completed');
  }

  for (const [name, damage] of Object.entries(DAMAGES)) {
    it(`to an entry (${name}) stops no other job, and its own has its record`, async () => {
      const ids = await fill();
      await damage(redis, `{${site.prefix}}:queue:${TYPE}:${ids[1]}`);
      await expectAllCompleted([...ids, await submit(3)]);
      expect(warnings()).toMatchObject([{ level: 'warn', fields: { jobId: ids[1], jobType: TYPE } }]);
    });
  }

  for (const [name, damage] of Object.entries(NUMBERS)) {
    it(`to a single value (${name}) stops no job`, async () => {
      const ids = await fill();
      await damage(redis, `{${site.prefix}}`, ids[1] ?? '');
      await expectAllCompleted([...ids, await submit(3)]);
      const { byStatus, byType } = await stack.services.manager.counts();
      expect(byStatus).toEqual({ pending: 0, processing: 0, completed: 4, failed: 0, cancelled: 0 });
      expect(Object.keys(byType).sort()).toEqual(['remove-background', TYPE]);
      expect(await stack.services.manager.queue.size()).toEqual({ jobs: 0, bytes: 0 });
    });
  }

  const health = async () => (await stack.client.request('/health')).json();
  const refusalsOf = (key: string) =>
    logger.lines.filter(
      ({ message, fields }) =>
        message === 'Redis refused a command' && JSON.stringify(fields['keys']).includes(`"${key}`),
    );

  for (const [name, named] of Object.entries(NEEDED_BY_SUBMISSIONS)) {
    it(`that refuses submissions (${name}) is in the health report, and in the log with the key`, async () => {
      const key = `{${site.prefix}}:${name}`;
      await expectAllCompleted([await submit(0)]);
      if (await redis.exists(key)) await redis.rename(key, 'aside');
      await redis.set(key, 'x');
      const image = await png({ colour: colourOf(1) });
      for (let n = 0; n < 3; n += 1) {
        const response = await stack.client.post(`/api/async/${TYPE}`, image);
        expect(await response.json()).toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
      }
      expect(await health()).toMatchObject({ status: 'degraded', issues: [REFUSED] });
      const told = refusalsOf(`{${site.prefix}}:${named}`);
      expect(told[0]).toMatchObject({
        level: 'error',
        fields: { error: expect.stringContaining('WRONGTYPE') },
      });
      // Each error is there once: several commands may need the key.
      const errors = told.map(({ fields }) => JSON.stringify(fields['error']));
      expect(new Set(errors).size).toBe(errors.length);
      await redis.del(key);
      if (await redis.exists('aside')) await redis.rename('aside', key);
      await expectAllCompleted([await submit(2)]);
      await eventually(async () => expect(await health()).toMatchObject({ status: 'healthy', issues: [] }));
    });
  }

  it('that lasts is in the health report, and in the log once', async () => {
    const types = `{${site.prefix}}:types`;
    const ids = await fill();
    await redis.rename(types, 'aside');
    await redis.set(types, 'x');
    await eventually(async () =>
      expect(await health()).toMatchObject({
        status: 'critical',
        issues: ['No job can be taken from the queue.', REFUSED],
      }),
    );
    const told = () => logger.lines.filter(({ message }) => message === 'No job can be taken from the queue');
    await eventually(() => expect(told()).toHaveLength(1));
    expect(told()).toMatchObject([
      { level: 'error', fields: { error: expect.stringContaining('WRONGTYPE') } },
    ]);
    await redis.rename('aside', types);
    await expectAllCompleted(ids);
    await eventually(async () => expect(await health()).toMatchObject({ status: 'healthy' }));
  });
});
