import { afterAll, beforeAll, describe } from 'vitest';
import { QueueBackend } from './QueueKind.js';
import { requireRedis } from './RedisServer.js';

/**
 * Describes tests twice: with the queue in memory and, if there is a redis-server, with Redis.
 * @param tests get a function that returns the settings of a server: each call those of a separate queue
 */
export function describeQueues(name: string, tests: (env: () => Record<string, string>) => void): void {
  for (const kind of ['memory', 'redis'] as const) {
    describe.runIf(kind === 'memory' || requireRedis())(`${name}, with QUEUE=${kind},`, () => {
      let queue: QueueBackend;
      beforeAll(async () => {
        queue = await QueueBackend.open(kind);
      });
      afterAll(() => queue.close());
      tests(() => queue.env());
    });
  }
}
