import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readyzAnswer } from '../../src/schemas/status.js';
import { eventually } from '../support/eventually.js';
import { requireRedis } from '../support/RedisServer.js';
import { RedisSite } from '../support/RedisSite.js';
import type { Stack } from '../support/stack.js';

const KEY = 'a-key-of-some-length';
/** Longer than a request may ever wait for its count, even on a slow computer. */
const HANGS_MS = 5000;

describe.runIf(requireRedis())('the limit of requests a minute with QUEUE=redis', () => {
  let site: RedisSite;
  beforeEach(async () => {
    site = await RedisSite.open();
  });
  afterEach(async () => {
    await site.close();
  });

  const start = (perMinute: number) =>
    site.start({ env: { RATE_LIMIT_PER_MINUTE: String(perMinute), API_KEYS: KEY } });
  const ask = async (stack: Stack) => {
    const began = performance.now();
    const response = await stack.client.request('/api/workflows', { headers: { 'X-API-Key': KEY } });
    expect(performance.now() - began).toBeLessThan(HANGS_MS);
    return response;
  };
  const limit = async (stack: Stack) => (await ask(stack)).headers.get('RateLimit') ?? '';
  const remaining = async (stack: Stack) => Number(/remaining=(\d+)/.exec(await limit(stack))?.[1]);

  it('counts what comes to any of the servers, and ends by the time of Redis', async () => {
    const [a, b] = [await start(6), await start(6)];
    for (const [n, stack] of [a, b, a, a, b, b].entries()) {
      expect(await limit(stack)).toMatch(new RegExp(`^limit=6, remaining=${5 - n}, reset=\\d+$`));
    }
    for (const stack of [a, b]) {
      const refused = await ask(stack);
      expect(refused.status).toBe(429);
      expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(0);
    }
    const client = new Redis(site.redis.port);
    const keys = await client.keys(`{${site.prefix}}:rate:*`);
    expect(keys).toHaveLength(1);
    // As if the minute were over.
    await client.pexpire(String(keys[0]), 1);
    client.disconnect();
    await eventually(async () => expect((await ask(b)).status).toBe(200));
    expect((await ask(a)).status).toBe(200);
  });

  it('begins again with a count that is damaged', async () => {
    const [a, b] = [await start(6), await start(6)];
    await ask(a);
    const client = new Redis(site.redis.port);
    const [key = ''] = await client.keys(`{${site.prefix}}:rate:*`);
    await client.set(key, 'x', 'KEEPTTL');
    expect((await ask(a)).status).toBe(200);
    // Both servers count together, at once.
    expect(await limit(b)).toMatch(/^limit=6, remaining=5,/);
    expect(await limit(a)).toMatch(/^limit=6, remaining=4,/);
    client.disconnect();
  });

  it('refuses nobody because Redis is gone: each server goes on with its own count', async () => {
    const [a, b] = [await start(6), await start(6)];
    for (const stack of [a, a, b]) expect((await ask(stack)).status).toBe(200);
    await site.redis.kill();
    expect(await limit(a)).toMatch(/^limit=6, remaining=3,/);
    expect(await limit(b)).toMatch(/^limit=6, remaining=4,/);
    for (const _ of [1, 2, 3]) expect((await ask(a)).status).toBe(200);
    expect((await ask(a)).status).toBe(429);
    expect((await ask(b)).status).toBe(200);
  });

  it('counts for all again when Redis is available again', async () => {
    const [a, b] = [await start(100_000), await start(100_000)];
    await ask(b);
    await site.redis.kill();
    // From now on the two servers count separately.
    for (const _ of [1, 2, 3, 4, 5]) await ask(a);
    await site.redis.restart();
    for (const { client } of [a, b])
      await eventually(async () => void (await client.json('/readyz', readyzAnswer)));
    await eventually(async () => {
      const ofA = await remaining(a);
      expect(await remaining(b)).toBe(ofA - 1);
    });
  });

  it('holds no request up because Redis stands still', async () => {
    const [a, b] = [await start(100), await start(100)];
    for (const stack of [a, b]) expect((await ask(stack)).status).toBe(200);
    site.redis.pause();
    for (const _ of [1, 2, 3]) {
      for (const stack of [a, b]) expect((await ask(stack)).status).toBe(200);
    }
  });
});
