import { randomUUID } from 'node:crypto';
import * as bull from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe } from 'vitest';
import { RedisJobQueue } from '../../src/services/queue/redis/RedisJobQueue.js';
import { testJobQueue } from '../contracts/jobQueue.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { RedisServer, requireRedis } from '../support/RedisServer.js';

const QUICK = { lockMs: 600, stalledCheckMs: 200, repairMs: 300 };

describe.runIf(requireRedis())('a queue on Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.stop());

  async function connect(prefix: string) {
    const client = new Redis(server.url, { maxRetriesPerRequest: null });
    const subscriber = new Redis(server.url);
    const logger = new RecordingLogger();
    const queue = new RedisJobQueue({ bull, client, subscriber, prefix, logger }, QUICK);
    await queue.start();
    const stop = async () => {
      await queue.stop();
      client.disconnect();
      subscriber.disconnect();
    };
    return { queue, client, stop };
  }

  testJobQueue('Redis', async () => {
    const prefix = `{${randomUUID()}}`;
    const [here, there] = [await connect(prefix), await connect(prefix)];
    return {
      queue: here.queue,
      ofAnotherServer: there.queue,
      stop: async () => {
        await Promise.all([here.stop(), there.stop()]);
      },
    };
  });
});
