import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ServerProcess } from '../support/process.js';
import { RedisServer, requireRedis } from '../support/RedisServer.js';

const PREFIX = 'damaged';

describe.runIf(requireRedis())(
  'something else in the place of a value that the start reads from Redis',
  () => {
    let redis: RedisServer;
    let client: Redis;
    let server: ServerProcess | undefined;
    beforeAll(async () => {
      redis = await RedisServer.start();
      client = new Redis(redis.port, '127.0.0.1');
    });
    afterEach(() => server?.kill());
    afterAll(async () => {
      client.disconnect();
      await redis.stop();
    });

    it.each(['breakers', 'machines', 'slots', 'types', 'workflow-versions'])(
      '(%s) is named',
      async (name) => {
        const key = `{${PREFIX}}:${name}`;
        await client.flushall();
        await client.set(key, 'a secret');
        server = ServerProcess.spawn({
          COMFYUI_HOST: '127.0.0.1:1',
          QUEUE: 'redis',
          REDIS_URL: redis.url,
          REDIS_PREFIX: PREFIX,
          ASSET_STORE: 'disk',
          ASSET_DIR: mkdtempSync(path.join(tmpdir(), 'assets-')),
          WORKFLOWS_DIR: mkdtempSync(path.join(tmpdir(), 'workflows-')),
        });
        expect(await server.ended()).toBe(1);
        const told = server.lines().find(({ message }) => message === 'The server cannot start');
        expect(told).toMatchObject({ level: 'error', error: expect.stringContaining('WRONGTYPE') });
        expect(told?.['keys']).toContain(key);
      },
    );
  },
);
