import type { Store } from 'express-rate-limit';
import type { Clock } from '../utils/clock.js';
import type { Logger } from '../utils/logger.js';
import { MinuteStore } from './limits/MinuteStore.js';
import { SharedMinuteStore } from './limits/redis/SharedMinuteStore.js';
import type { RedisQueue } from './queue/redis/createRedisQueue.js';

/** Starts where there is something to connect to. */
type RequestCounts = Store & { start?(): Promise<void> };

/** Counts the requests to all servers where they share a Redis, and those to this one elsewhere. */
export function createRequestCounts(
  redis: RedisQueue | undefined,
  clock: Clock,
  logger: Logger,
): RequestCounts {
  if (!redis) return new MinuteStore(clock);
  return new SharedMinuteStore({ connection: redis.connection, prefix: redis.base, clock, logger });
}
