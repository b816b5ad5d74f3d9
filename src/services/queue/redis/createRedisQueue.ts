import { randomUUID } from 'node:crypto';
import type { Logger } from '../../../utils/logger.js';
import type { Workflow } from '../../../workflows/types.js';
import { EventChannel } from './EventChannel.js';
import { JobCodec } from './JobCodec.js';
import { RedisConnection, type RedisTimings } from './RedisConnection.js';
import { RedisIdempotencyStore } from './RedisIdempotencyStore.js';
import { RedisJobEvents } from './RedisJobEvents.js';
import { RedisJobStore } from './RedisJobStore.js';
import { WorkflowDefinitions } from './WorkflowDefinitions.js';

export interface RedisQueueOptions {
  /** With its password. */
  readonly url: string;
  /** What all keys begin with; servers with the same share their jobs. No braces. */
  readonly prefix: string;
  /** The workflows that are not made of files. */
  readonly builtIn: readonly Workflow[];
  /** How long a finished job is kept, ms. */
  readonly lifetimeMs: number;
  readonly timings?: Partial<RedisTimings>;
}

/** What servers share in Redis. */
export interface RedisQueue {
  readonly connection: RedisConnection;
  readonly jobs: RedisJobStore;
  readonly events: RedisJobEvents;
  readonly idempotency: RedisIdempotencyStore;
  /** Connects. @throws Error that says why this Redis cannot be used */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** How long a job that has a key of idempotency may wait and run before the key is free again, ms. */
const KEY_DAYS_MS = 7 * 24 * 3_600_000;

/** Puts together what uses Redis. Nothing is loaded or connected to before it is started. */
export function createRedisQueue(
  { url, prefix, builtIn, lifetimeMs, timings }: RedisQueueOptions,
  logger: Logger,
): RedisQueue {
  // What is in braces decides where a key lies in a cluster: one script may then use all keys.
  const base = `{${prefix}}`;
  const connection = new RedisConnection(url, logger, timings);
  const definitions = new WorkflowDefinitions(builtIn, (names) =>
    connection.commands.mget(names.map((name) => `${base}:workflow:${name}`)),
  );
  const codec = new JobCodec(definitions, logger);
  const jobs = new RedisJobStore(connection, codec, base);
  const channel = new EventChannel(connection, `${base}:events`, randomUUID(), logger);
  const events = new RedisJobEvents({ channel, codec, jobs }, logger);
  const idempotency = new RedisIdempotencyStore(connection, base, { keptMs: lifetimeMs + KEY_DAYS_MS });
  return {
    connection,
    jobs,
    events,
    idempotency,
    start: async () => {
      await connection.start();
      await events.start();
    },
    stop: async () => {
      events.stop();
      idempotency.stop();
      await connection.stop();
    },
  };
}
