import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RedisAnnouncements } from '../../src/services/queue/redis/RedisAnnouncements.js';
import { eventually } from '../support/eventually.js';
import { RedisServer, requireRedis } from '../support/RedisServer.js';

describe.runIf(requireRedis())('what servers tell each other through Redis', () => {
  let redis: RedisServer;
  let commands: Redis;
  beforeEach(async () => {
    redis = await RedisServer.start();
    commands = new Redis(redis.port, '127.0.0.1');
  });
  afterEach(async () => {
    commands.disconnect();
    await redis.stop();
  });

  const server = (keptMs = 30_000) => new RedisAnnouncements({ commands }, '{test}:told', keptMs);

  it('are those of all servers', async () => {
    expect(await server().tell(['a:1', 'b:1'])).toEqual(new Set(['a:1', 'b:1']));
    expect(await server().tell(['b:1', 'c:1'])).toEqual(new Set(['a:1', 'b:1', 'c:1']));
    expect(await server().tell([])).toEqual(new Set(['a:1', 'b:1', 'c:1']));
  });

  it('are forgotten when no server tells them any more', async () => {
    await server(300).tell(['a:1']);
    await eventually(async () => expect(await server(300).tell(['b:1'])).toEqual(new Set(['b:1'])));
  });

  it('leave nothing behind when all servers have stopped', async () => {
    await server(300).tell(['a:1']);
    await eventually(async () => expect(await commands.dbsize()).toBe(0));
  });
});
