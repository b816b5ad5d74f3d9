import { randomUUID } from 'node:crypto';
import { createRedisQueue, type RedisQueue } from '../../src/services/queue/redis/createRedisQueue.js';
import type { RedisTimings } from '../../src/services/queue/redis/RedisConnection.js';
import { type Logger, silentLogger } from '../../src/utils/logger.js';
import { workflows } from '../../src/workflows/index.js';

/** Short enough for fast tests, long enough for a slow computer. */
const TEST_TIMINGS: Partial<RedisTimings> = { heartbeatMs: 100, reconnectMaxMs: 200 };

/** Connects one server to a Redis. */
export async function startQueue(
  url: string,
  prefix: string,
  logger: Logger = silentLogger,
  timings: Partial<RedisTimings> = TEST_TIMINGS,
): Promise<RedisQueue> {
  const queue = createRedisQueue({ url, prefix, builtIn: workflows, lifetimeMs: 60_000, timings }, logger);
  await queue.start();
  return queue;
}

/** Two servers that share an empty Redis. */
export async function startTwo(
  url: string,
  logger: Logger = silentLogger,
): Promise<{ here: RedisQueue; there: RedisQueue; prefix: string; stop: () => Promise<void> }> {
  const prefix = `test-${randomUUID()}`;
  const [here, there] = await Promise.all([startQueue(url, prefix, logger), startQueue(url, prefix, logger)]);
  const stop = async () => {
    await Promise.all([here.stop(), there.stop()]);
  };
  return { here, there, prefix, stop };
}
