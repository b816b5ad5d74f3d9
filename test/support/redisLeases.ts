import { Redis } from 'ioredis';
import { RedisSlotLeases } from '../../src/services/queue/redis/RedisSlotLeases.js';
import { silentLogger } from '../../src/utils/logger.js';
import type { RedisServer } from './RedisServer.js';

/** Calls fail immediately while Redis is unreachable, and after a second if it does not respond. */
const CONNECTION = {
  maxRetriesPerRequest: 0,
  commandTimeout: 1000,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  lazyConnect: true,
  retryStrategy: () => 50,
};

/** Long enough for a busy computer. */
const QUICK = { leaseMs: 2000, renewMs: 100 };

/** The slot leases of one server. */
export interface LeasesOnRedis {
  readonly leases: RedisSlotLeases;
  readonly client: Redis;
  stop(): Promise<void>;
}

/** @param prefix of all keys, with the hash tag; servers with the same prefix share their slots */
export async function leasesOnRedis(server: RedisServer, prefix: string): Promise<LeasesOnRedis> {
  const client = new Redis(server.url, CONNECTION);
  const subscriber = new Redis(server.url, CONNECTION);
  for (const one of [client, subscriber]) {
    one.on('error', () => undefined);
    await one.connect();
  }
  const leases = new RedisSlotLeases(
    { connection: { commands: client, subscriber }, prefix, logger: silentLogger },
    QUICK,
  );
  await leases.start();
  return {
    leases,
    client,
    stop: async () => {
      await leases.stop();
      client.disconnect();
      subscriber.disconnect();
    },
  };
}
