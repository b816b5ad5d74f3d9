import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CuttableProxy } from '../support/CuttableProxy.js';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { requireRedis } from '../support/RedisServer.js';
import { RedisSite } from '../support/RedisSite.js';
import type { Stack } from '../support/stack.js';

describe.runIf(requireRedis())('a server that was cut off from Redis', () => {
  let site: RedisSite;
  let proxy: CuttableProxy;
  let cutOff: Stack;
  beforeEach(async () => {
    site = await RedisSite.open();
    proxy = await CuttableProxy.start(site.redis.port);
    cutOff = await site.start({ env: { REDIS_URL: `redis://127.0.0.1:${proxy.port}` } });
  });
  afterEach(async () => {
    proxy.heal();
    await site.close();
    await proxy.stop();
  });

  /** Cuts it off, lets something happen, and connects it again. */
  const meanwhile = async (work: () => Promise<void>) => {
    proxy.cut();
    await eventually(async () => expect((await cutOff.client.request('/readyz')).status).toBe(503));
    await work();
    proxy.heal();
    await eventually(async () => expect((await cutOff.client.request('/readyz')).status).toBe(200));
  };

  it('stops the prompt of a job that another server cancelled meanwhile', async () => {
    site.simulator.setWork(20_000);
    const id = await cutOff.client.submit('upscale-image', await png());
    await eventually(() => expect(site.simulator.executions).toHaveLength(1));
    const other = await site.start();
    await meanwhile(async () => {
      const cancelled = await other.client.request(`/api/jobs/${id}/cancel`, { method: 'POST' });
      expect(cancelled.status).toBe(200);
    });
    await eventually(() => expect(site.simulator.queueRemaining).toBe(0), 10_000);
    await eventually(() => expect(cutOff.services.processor.activeJobs).toBe(0));
    expect((await cutOff.client.status(id)).status).toBe('cancelled');
  });
});
