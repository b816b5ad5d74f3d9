import { randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '../../../utils/clock.js';
import type { Logger } from '../../../utils/logger.js';
import type { WorkflowTexts } from '../../../workflows/files/WorkflowTexts.js';
import type { Workflow } from '../../../workflows/types.js';
import type { Announcements } from '../Announcements.js';
import type { ForcedHosts } from '../ForcedHosts.js';
import type { IdempotencyStore } from '../IdempotencyStore.js';
import type { JobQueue } from '../JobQueue.js';
import type { JobStore } from '../JobStore.js';
import type { MachineChanges } from '../MachineChanges.js';
import type { MachineUpdates } from '../MachineUpdates.js';
import type { MessageRelay } from '../MessageRelay.js';
import type { SlotLeases } from '../SlotLeases.js';
import { EventChannel } from './EventChannel.js';
import { JobCodec } from './JobCodec.js';
import { RedisAnnouncements } from './RedisAnnouncements.js';
import { RedisClock } from './RedisClock.js';
import { RedisConnection, type RedisTimings } from './RedisConnection.js';
import { RedisForcedHosts } from './RedisForcedHosts.js';
import { RedisIdempotencyStore } from './RedisIdempotencyStore.js';
import { RedisJobEvents } from './RedisJobEvents.js';
import { RedisJobQueue } from './RedisJobQueue.js';
import { RedisJobStore } from './RedisJobStore.js';
import { RedisMachineChanges } from './RedisMachineChanges.js';
import { RedisMachineUpdates } from './RedisMachineUpdates.js';
import { RedisMessageRelay } from './RedisMessageRelay.js';
import { RedisSlotLeases } from './RedisSlotLeases.js';
import { RedisWorkflowTexts } from './RedisWorkflowTexts.js';
import { tellingUnavailable } from './unavailable.js';
import { WorkflowDefinitions } from './WorkflowDefinitions.js';

export interface RedisQueueOptions {
  /** With its password. */
  readonly url: string;
  /** Prefix of all keys, without braces; servers with the same prefix share their jobs. */
  readonly prefix: string;
  /** The built-in workflows. */
  readonly builtIn: readonly Workflow[];
  /** How long a finished job is kept, ms. */
  readonly lifetimeMs: number;
  /** The clock of this server. */
  readonly ownClock?: Clock;
  readonly timings?: Partial<RedisTimings> | undefined;
}

/** Everything that servers share in Redis. */
export interface RedisQueue {
  readonly connection: RedisConnection;
  /** The time that all servers of this Redis agree about. */
  readonly clock: Clock;
  readonly jobs: JobStore;
  readonly events: RedisJobEvents;
  readonly idempotency: IdempotencyStore;
  readonly queue: JobQueue;
  readonly slots: SlotLeases;
  readonly forcedHosts: ForcedHosts;
  /** Manual changes to machines. */
  readonly machineChanges: MachineChanges;
  /** The hosts of the machines that the servers know. */
  readonly knownMachines: Announcements;
  /** The asset stores that the servers use. */
  readonly assetStores: Announcements;
  /** What other servers learned about machines. */
  readonly machineUpdates: MachineUpdates;
  /** Sends messages about running jobs to the servers whose clients follow them. */
  readonly messageRelay: MessageRelay;
  /** Workflows that were added through the API of any server. */
  readonly workflowTexts: WorkflowTexts;
  /** Prefix of all keys, with the hash tag. */
  readonly base: string;
  /** Connects. @throws Error with the reason why this Redis cannot be used */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** How long a job with an idempotency key may wait and run before the key is free again, ms. */
const KEY_DAYS_MS = 7 * 24 * 3_600_000;

/** How long a machine is kept that no server tells, ms: longer than the restart of a server. */
const MACHINES_KEPT_MS = 30_000;
/** The same for an asset store, ms: longer than two comparisons. */
const STORES_KEPT_MS = 6000;

/** Creates everything that uses Redis. Nothing is loaded or connected to before its start. */
export function createRedisQueue(
  { url, prefix, builtIn, lifetimeMs, ownClock = systemClock, timings }: RedisQueueOptions,
  logger: Logger,
): RedisQueue {
  // The hash tag in braces puts all keys into one slot of a cluster, so that a script can use all of them.
  const base = `{${prefix}}`;
  const connection = new RedisConnection(url, base, logger, timings);
  const clock = new RedisClock({ connection, own: ownClock, logger });
  const definitions = new WorkflowDefinitions(builtIn, (names) =>
    connection.commands.mget(names.map((name) => `${base}:workflow:${name}`)),
  );
  const codec = new JobCodec(definitions, logger);
  const jobs = new RedisJobStore(connection, codec, base);
  const server = randomUUID();
  const channelOf = (name: string) => new EventChannel(connection, `${base}:${name}`, server, logger);
  const events = new RedisJobEvents({ channel: channelOf('events'), codec, jobs }, logger);
  const machineUpdates = new RedisMachineUpdates(channelOf('machine-updates'));
  const messageRelay = new RedisMessageRelay({ connection, prefix: base, server, logger });
  const idempotency = new RedisIdempotencyStore(connection, base, { keptMs: lifetimeMs + KEY_DAYS_MS });
  const queue = new RedisJobQueue({ connection, prefix: base, logger });
  const slots = new RedisSlotLeases({ connection, prefix: base, logger });
  const forcedHosts = new RedisForcedHosts({ connection, prefix: base, logger });
  return {
    connection,
    clock,
    jobs: tellingUnavailable<JobStore>(jobs),
    events,
    idempotency: tellingUnavailable<IdempotencyStore>(idempotency),
    queue: tellingUnavailable<JobQueue>(queue),
    slots,
    forcedHosts,
    machineChanges: tellingUnavailable<MachineChanges>(new RedisMachineChanges(connection, base)),
    knownMachines: new RedisAnnouncements(connection, `${base}:known-machines`, MACHINES_KEPT_MS),
    assetStores: new RedisAnnouncements(connection, `${base}:asset-stores`, STORES_KEPT_MS),
    machineUpdates,
    messageRelay,
    workflowTexts: tellingUnavailable<WorkflowTexts>(new RedisWorkflowTexts(connection, base)),
    base,
    start: async () => {
      await connection.start();
      // Before anything that reads it.
      await clock.start();
      await events.start();
      await queue.start();
      await slots.start();
      await machineUpdates.start();
      await messageRelay.start();
      await forcedHosts.start();
    },
    stop: async () => {
      forcedHosts.stop();
      await queue.stop();
      machineUpdates.stop();
      messageRelay.stop();
      slots.stop();
      events.stop();
      idempotency.stop();
      clock.stop();
      await connection.stop();
    },
  };
}
