import { afterEach, describe, expect, it } from 'vitest';
import { livezAnswer, readyzAnswer, statusAnswer } from '../../src/schemas/status.js';
import type { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { requireRedis } from '../support/RedisServer.js';
import { RedisSite } from '../support/RedisSite.js';
import { Stack } from '../support/stack.js';

const isAlive = async (client: Client) =>
  expect(await client.json('/livez', livezAnswer)).toEqual({ status: 'alive' });

const isReady = async (client: Client) =>
  expect(await client.json('/readyz', readyzAnswer)).toEqual({ status: 'ready' });

const isNotReady = async (client: Client, code: string) => {
  expect((await client.error('/readyz', 503)).code).toBe(code);
  expect(Number((await client.request('/readyz')).headers.get('Retry-After'))).toBeGreaterThan(0);
};

describe('/livez and /readyz', () => {
  let stack: Stack | undefined;
  afterEach(() => stack?.stop());

  it('say that the server runs and takes jobs, to anybody', async () => {
    stack = await Stack.start({ env: { API_KEYS: 'a-key-of-some-length' } });
    await isAlive(stack.client);
    await isReady(stack.client);
  });

  it('say so, too, while no machine is well: jobs wait for it', async () => {
    stack = await Stack.start();
    const { client } = stack;
    await stack.simulator().crash();
    await eventually(async () => void (await client.json('/status', statusAnswer, { status: 503 })));
    await isAlive(client);
    await isReady(client);
  });

  it('say that a server lives that shuts down, and that it takes no jobs', async () => {
    stack = await Stack.start();
    const { client } = stack;
    stack.simulator().faults.hang = true;
    const running = await client.submit('remove-background', await png({ colour: colourOf(1) }));
    await client.until(running, ({ status }) => status === 'processing');
    const stopped = stack.services.stop();
    await isAlive(client);
    await isNotReady(client, 'SHUTTING_DOWN');
    stack.simulator().faults.hang = false;
    await stopped;
    await isNotReady(client, 'SHUTTING_DOWN');
  });

  it.runIf(requireRedis())(
    'say that a server lives whose Redis is away, and that it takes no jobs until it is back',
    async () => {
      const site = await RedisSite.open();
      try {
        const { client } = await site.start();
        await isReady(client);
        await site.redis.kill();
        await eventually(() => isNotReady(client, 'QUEUE_UNAVAILABLE'));
        await isAlive(client);
        await site.redis.restart();
        await eventually(() => isReady(client));
      } finally {
        await site.close();
      }
    },
  );
});
