import { Redis } from 'ioredis';
import { eventually } from './eventually.js';
import type { RedisServer } from './RedisServer.js';

/** Holds of killed servers expire within this time, ms. */
const HOLD_MS = 40_000;

/**
 * What remains in Redis of jobs that have ended: slots on machines, and queue entries.
 * @param prefix of the servers that share it
 */
export async function leftInRedis(redis: RedisServer, prefix: string): Promise<string[]> {
  const client = new Redis(redis.port, '127.0.0.1');
  const base = `{${prefix}}`;
  const look = async () => {
    const left: string[] = [];
    for (const key of await client.keys(`${base}:*`)) {
      const isPlace = key.startsWith(`${base}:slots`);
      const isWaiting = key === `${base}:waiting:ranks`;
      const isEntry = /:queue:[^:]+:(wait|active|prioritized|delayed|failed)$/.test(key);
      if (isPlace || isWaiting || isEntry) left.push(key);
    }
    return left;
  };
  try {
    await eventually(async () => {
      const left = await look();
      if (left.length > 0) throw new Error(left.join());
    }, HOLD_MS);
    return [];
  } catch {
    return (await look()).map((key) => `left in Redis: ${key}`);
  } finally {
    client.disconnect();
  }
}
