import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { circuitBreakersAnswer } from '../../src/schemas/metrics.js';
import { readyzAnswer } from '../../src/schemas/status.js';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { requireRedis } from '../support/RedisServer.js';
import { RedisSite } from '../support/RedisSite.js';
import type { Stack } from '../support/stack.js';

describe.runIf(requireRedis())('a breaker that is opened by hand with QUEUE=redis', () => {
  let site: RedisSite;
  beforeEach(async () => {
    site = await RedisSite.open();
  });
  afterEach(async () => {
    await site.close();
  });

  const turn = async (stack: Stack, to: 'open' | 'close') => {
    const path = `/api/circuit-breakers/instance-1/${to}`;
    expect((await stack.client.request(path, { method: 'POST' })).status).toBe(200);
  };
  const isForced = async ({ client }: Stack) => {
    const { circuit_breakers } = await client.json('/api/circuit-breakers', circuitBreakersAnswer);
    return circuit_breakers['instance-1']?.forced;
  };
  const expectForced = (expected: boolean, ...stacks: Stack[]) =>
    eventually(async () => {
      for (const stack of stacks) expect(await isForced(stack)).toBe(expected);
    });
  const isBack = async ({ client }: Stack) =>
    eventually(async () => void (await client.json('/readyz', readyzAnswer)));

  it('is open on all servers, also on one that starts later, until one of them closes it', async () => {
    const [a, b] = [await site.start(), await site.start()];
    await turn(a, 'open');
    expect(await isForced(a)).toBe(true);
    await expectForced(true, b);
    const later = await site.start();
    expect(await isForced(later)).toBe(true);
    const id = await b.client.submit('upscale-image', await png());
    await later.stop();
    // No server gives the machine a job.
    expect((await a.client.status(id)).status).toBe('pending');
    await turn(b, 'close');
    expect(await isForced(b)).toBe(false);
    await expectForced(false, a);
    expect((await a.client.finished(id)).status).toBe('completed');
    expect(site.simulator.executions).toHaveLength(1);
  });

  it('can be opened and closed while Redis is away, which the others learn when it is back', async () => {
    const [a, b] = [await site.start(), await site.start()];
    await site.redis.kill();
    await turn(a, 'open');
    expect([await isForced(a), await isForced(b)]).toEqual([true, false]);
    await site.redis.restart();
    await expectForced(true, a, b);
    await site.redis.kill();
    await turn(b, 'close');
    expect([await isForced(a), await isForced(b)]).toEqual([true, false]);
    await site.redis.restart();
    await expectForced(false, a, b);
  });

  it('stays open through an outage', async () => {
    const [a, b] = [await site.start(), await site.start()];
    await turn(a, 'open');
    await expectForced(true, b);
    await site.redis.kill();
    await site.redis.restart();
    await Promise.all([a, b].map(isBack));
    // Opened and closed once more: everything read before has been handled.
    await turn(b, 'open');
    expect([await isForced(a), await isForced(b)]).toEqual([true, true]);
    await turn(b, 'close');
    await expectForced(false, a, b);
  });
});
