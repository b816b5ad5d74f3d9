import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { HttpServers } from '../support/httpServers.js';
import { png } from '../support/pictures.js';
import { requireRedis } from '../support/RedisServer.js';
import { RedisSite } from '../support/RedisSite.js';
import { WEBHOOK_SECRET, WebhookReceiver } from '../support/WebhookReceiver.js';

describe.runIf(requireRedis())('the connections of servers to Redis', () => {
  let site: RedisSite;
  let receivers: HttpServers;
  let client: Redis;
  beforeEach(async () => {
    site = await RedisSite.open();
    receivers = new HttpServers();
    client = new Redis(site.redis.port, { retryStrategy: () => 50 });
    client.on('error', () => undefined);
  });
  afterEach(async () => {
    client.disconnect();
    receivers.close();
    await site.close();
  });

  /** Redis' descriptions of all connections except the one of the test. */
  async function others(): Promise<string[]> {
    const own = `id=${await client.client('ID')} `;
    const list = String(await client.client('LIST')).trim();
    return list.split('\n').filter((line) => !line.startsWith(own));
  }

  it('are two for each, however many workflows they have, and none after they stopped', async () => {
    const receiver = await WebhookReceiver.start(receivers);
    const env = { WEBHOOK_SECRET, WEBHOOK_ALLOWED_HOSTS: '127.0.0.1' };
    const a = await site.start({ env });
    await site.start({ env });
    for (const type of ['remove-background', 'upscale-image']) {
      await a.client.finished(await a.client.submit(type, await png(), { webhook_url: receiver.url }));
    }
    await eventually(() => expect(receiver.ids).toHaveLength(2));
    expect(await others()).toHaveLength(4);

    await site.redis.kill();
    await site.redis.restart();
    await eventually(async () => expect(await others()).toHaveLength(4));
    await a.client.process('remove-background', await png());
    await site.stopServers();
    await eventually(async () => expect(await others()).toEqual([]));
  });
});
