import type { Config } from '../config/index.js';
import type { Clock } from '../utils/clock.js';
import type { Logger } from '../utils/logger.js';
import type { Turns } from '../utils/turns.js';
import type { JobViews } from '../views/JobViews.js';
import { imageNodeClasses } from '../workflows/imageNodes.js';
import type { Workflow } from '../workflows/types.js';
import type { WorkflowCatalogue } from '../workflows/WorkflowCatalogue.js';
import type { AssetHolders } from './assets/AssetHolders.js';
import { AssetLibrary } from './assets/AssetLibrary.js';
import type { ClientAssets } from './assets/ClientAssets.js';
import { type AssetStoreOptions, createAssetStore } from './assets/createAssetStore.js';
import { type AuditedHolders, HolderAudit } from './assets/HolderAudit.js';
import { InputFetcher } from './assets/InputFetcher.js';
import { MemoryAssetHolders } from './assets/MemoryAssetHolders.js';
import { RedisAssetHolders } from './assets/redis/RedisAssetHolders.js';
import { ComfyClient } from './comfyui/ComfyClient.js';
import { ConnectionManager, type ConnectionOptions } from './comfyui/ConnectionManager.js';
import { Leftovers } from './comfyui/Leftovers.js';
import type { ServerState } from './comfyui/ServerState.js';
import { Shortage } from './comfyui/Shortage.js';
import { CircuitBreaker } from './instances/circuitBreaker.js';
import type { Machine } from './instances/fleet/Machine.js';
import { Inspector } from './instances/Inspector.js';
import { Instance, type InstanceSettings } from './instances/Instance.js';
import type { RemovedWorkflows } from './instances/RemovedWorkflows.js';
import type { AssetBlobs } from './jobs/AssetBlobs.js';
import type { JobManager } from './jobs/JobManager.js';
import { SharedSlots } from './jobs/SharedSlots.js';
import { AddressGuard } from './outbound/AddressGuard.js';
import { OutboundClient } from './outbound/OutboundClient.js';
import type { IdempotencyStore } from './queue/IdempotencyStore.js';
import type { JobEvents } from './queue/JobEvents.js';
import type { JobQueue } from './queue/JobQueue.js';
import type { JobStore } from './queue/JobStore.js';
import type { MachineChanges } from './queue/MachineChanges.js';
import { MemoryIdempotencyStore } from './queue/memory/MemoryIdempotencyStore.js';
import { MemoryJobEvents } from './queue/memory/MemoryJobEvents.js';
import { MemoryJobQueue } from './queue/memory/MemoryJobQueue.js';
import { MemoryJobStore } from './queue/memory/MemoryJobStore.js';
import { MemoryMachineChanges } from './queue/memory/MemoryMachineChanges.js';
import { createRedisQueue, type RedisQueue } from './queue/redis/createRedisQueue.js';
import { tellingUnavailable } from './queue/redis/unavailable.js';
import type { SlotLeases } from './queue/SlotLeases.js';
import type { ServiceOverrides } from './ServiceOverrides.js';
import type { Tracing } from './tracing/Tracing.js';
import type { DeliveryStore } from './webhooks/DeliveryStore.js';
import { MemoryDeliveryStore } from './webhooks/MemoryDeliveryStore.js';
import { RedisDeliveryStore } from './webhooks/redis/RedisDeliveryStore.js';
import { WebhookSender } from './webhooks/WebhookSender.js';
import { MAX_PER_HOST, type WebhookOptions, Webhooks } from './webhooks/Webhooks.js';

/** Timeout for transferring an image to or from an instance, ms. */
const TRANSFER_TIMEOUT_MS = 60_000;
/** The same for a file outside of memory, which may have gigabytes, ms. */
const STREAM_TIMEOUT_MS = 1_800_000;

/** How long an idempotency key in progress is kept after its time is over, ms. */
const DELIVERY_MARGIN_MS = 3_600_000;

interface WebhookParts {
  readonly manager: JobManager;
  readonly views: JobViews;
  /** Where deliveries outlive this server; undefined where they are in its memory. */
  readonly redis: RedisQueue | undefined;
  readonly tracing: Tracing;
}

/**
 * undefined where there is no secret to sign them with.
 * @param options.timeoutMs of one attempt
 * @param options.holdMs how long a delivery is held for a server that gives no sign of life
 */
export function createWebhooks(
  config: Config,
  { manager, views, redis, tracing }: WebhookParts,
  { timeoutMs, holdMs, ...options }: WebhookOptions & { timeoutMs: number; holdMs: number },
  clock: Clock,
  logger: Logger,
): Webhooks | undefined {
  const { secret, allowedHosts } = config.webhooks;
  if (!secret) return undefined;
  const sender = new WebhookSender({ secret, allowedHosts, timeoutMs, maxPerHost: MAX_PER_HOST, tracing });
  const timings = {
    holdMs,
    openMs: options.giveUpAfterMs + DELIVERY_MARGIN_MS,
    finalMs: config.jobs.lifetimeMs + DELIVERY_MARGIN_MS,
  };
  const store = redis
    ? tellingUnavailable<DeliveryStore>(
        new RedisDeliveryStore({ connection: redis.connection, base: redis.base, logger }, timings),
      )
    : new MemoryDeliveryStore(manager.events);
  return new Webhooks(
    { manager, store, sender, publicUrl: config.server.publicUrl, describe: (job) => views.status(job) },
    options,
    clock,
    logger,
  );
}

/** The fetcher of inputs by URL. `close` ends its connections. */
export function createInputFetcher({ uploads }: Config): { fetcher: InputFetcher; close: () => void } {
  const guard = new AddressGuard({
    allowedHosts: uploads.urlAllowedHosts,
    setting: 'INPUT_URL_ALLOWED_HOSTS',
  });
  // The fetcher has limits that share the connections among the clients.
  const client = new OutboundClient(guard, Number.POSITIVE_INFINITY);
  return { fetcher: new InputFetcher(guard, client, uploads.urlTimeoutMs), close: () => client.close() };
}

/** What servers with a common queue share. */
interface Sharing {
  readonly isShared: boolean;
  /** The time that the servers agree about. */
  readonly clock: Clock;
  readonly jobs: JobStore;
  readonly queue: JobQueue;
  readonly events: JobEvents;
  readonly idempotency: IdempotencyStore;
  /** Manual changes to machines. */
  readonly machineChanges: MachineChanges;
  /** Its location in Redis. */
  readonly redis: RedisQueue | undefined;
  /** Slots on the machines, and holders of files, if they count for all servers. */
  readonly slots: SlotLeases | undefined;
  readonly holders: AssetHolders | undefined;
  /** The same, for the audit that looks for lost ones. */
  readonly audited: AuditedHolders | undefined;
}

/** In Redis if configured, otherwise in this process's memory, except for the parts that are passed in. */
export function createSharing(
  { queue: { kind, redisUrl, redisPrefix }, jobs }: Config,
  builtIn: readonly Workflow[],
  overrides: ServiceOverrides,
  ownClock: Clock,
  logger: Logger,
): Sharing {
  if (kind === 'redis') {
    const redis = createRedisQueue(
      {
        url: redisUrl,
        prefix: redisPrefix,
        builtIn,
        lifetimeMs: jobs.lifetimeMs,
        ownClock,
        timings: overrides.redis,
      },
      logger,
    );
    const audited = new RedisAssetHolders(redis.connection, redis.base);
    const holders = tellingUnavailable<AssetHolders>(audited);
    return { ...redis, isShared: true, redis, audited, holders };
  }
  return {
    isShared: overrides.isShared === true,
    clock: ownClock,
    redis: undefined,
    slots: overrides.slotLeases,
    holders: overrides.assetHolders,
    audited: undefined,
    jobs: overrides.jobStore ?? new MemoryJobStore(),
    queue: overrides.jobQueue ?? new MemoryJobQueue(),
    events: overrides.jobEvents ?? new MemoryJobEvents(logger),
    idempotency: overrides.idempotencyStore ?? new MemoryIdempotencyStore(),
    machineChanges: new MemoryMachineChanges(),
  };
}

/** Slots that count for all servers; undefined if this server has the machines for itself. */
export function createSharedSlots(
  { machines, jobs }: Config,
  instances: readonly Instance[],
  leases: SlotLeases | undefined,
): SharedSlots | undefined {
  if (!leases) return undefined;
  const maxJobsOn = (host: string) => instances.find((one) => one.host === host)?.settings.maxJobs;
  return new SharedSlots(leases, {
    perHost: (host) => maxJobsOn(host) ?? machines.maxJobs,
    ofAll: jobs.maxConcurrent ?? Number.MAX_SAFE_INTEGER,
  });
}

/**
 * The store for the files of jobs; undefined for memory. It connects to nothing before its start.
 * @param holders shared with the other servers that use the same store; undefined if there are none
 */
export function createAssetLibrary(
  { assets }: Config,
  holders: AssetHolders | undefined,
  clock: Clock,
  logger: Logger,
): AssetLibrary | undefined {
  const { store: kind, directory: folder, lifetimeMs, ...s3 } = assets;
  if (kind === 'memory') return undefined;
  const options: AssetStoreOptions = kind === 'disk' ? { kind, folder } : { kind, ...s3 };
  const store = createAssetStore(options, clock, logger);
  return new AssetLibrary(store, holders ?? new MemoryAssetHolders(), lifetimeMs, clock, logger);
}

/** Releases files of jobs whose server died; undefined if files end with the process or the job. */
export function createHolderAudit(
  holders: AuditedHolders | undefined,
  blobs: AssetBlobs | undefined,
  { manager, clientAssets }: { manager: JobManager; clientAssets: ClientAssets },
  logger: Logger,
): HolderAudit | undefined {
  if (!holders || !blobs) return undefined;
  const { library, processId } = blobs;
  const isKnown = (id: string) => manager.has(id);
  const isAssetKnown = (id: string) => clientAssets.isKnown(id);
  return new HolderAudit({ holders, library, processId, isKnown, isAssetKnown }, logger);
}

/** WebSockets to the machines, none open yet. */
export function createConnections(
  config: Config,
  logger: Logger,
  overrides: Partial<ConnectionOptions> = {},
): ConnectionManager {
  return new ConnectionManager(
    {
      maxPerInstance: config.machines.maxConnections,
      headers: comfyHeaders(config),
      handshakeTimeoutMs: config.machines.controlTimeoutMs,
      heartbeatMs: 10_000,
      reconnectBaseMs: 250,
      reconnectMaxMs: 30_000,
      stableMs: 10_000,
      ...overrides,
    },
    logger,
  );
}

/** Returns a function that creates an instance: its client and its circuit breaker. */
export function instanceMaker(
  config: Config,
  { clock, turns, state, tracing }: { clock: Clock; turns: Turns; state: ServerState; tracing: Tracing },
  logger: Logger,
): (machine: Machine, settings: InstanceSettings) => Instance {
  const shortage = new Shortage(logger);
  return ({ address }, settings) => {
    const options = {
      headers: { ...comfyHeaders(config), ...address.headers },
      controlTimeoutMs: config.machines.controlTimeoutMs,
      transferTimeoutMs: TRANSFER_TIMEOUT_MS,
      streamTimeoutMs: STREAM_TIMEOUT_MS,
      maxResultBytes: config.machines.maxResultBytes,
      tracing,
      serverId: state.id,
      onNewUploadName: (name: string) => state.uploads(address.host, name),
      onShortage: (error: Error) => shortage.note(error),
      onSubmit: () => state.uses(address.host),
    };
    const client = new ComfyClient(address, options, turns);
    const breaker = new CircuitBreaker(config.machines.breaker, clock);
    return new Instance(client, breaker, settings);
  };
}

/** Inspects an instance that became available. */
export function createInspector(
  config: Config,
  parts: {
    workflows: WorkflowCatalogue;
    removed: RemovedWorkflows;
    instances: readonly Instance[];
    state: ServerState;
    clock: Clock;
    /** Ids of prompts that other servers continue. */
    wantedPrompts: () => Promise<ReadonlySet<string>>;
  },
  logger: Logger,
): Inspector {
  const { workflows, removed, instances, state, clock, wantedPrompts } = parts;
  const hosts = () => instances.map(({ host }) => host);
  return new Inspector(
    {
      workflows,
      removed,
      sharedClasses: imageNodeClasses(config.machines.imageInput),
      uploads: config.machines.imageInput === 'upload',
      leftovers: new Leftovers(state, hosts, wantedPrompts, logger),
    },
    clock,
    logger,
  );
}

/** Headers of every request and WebSocket to ComfyUI. */
function comfyHeaders({ machines: { header } }: Config): Record<string, string> {
  return header ? { [header.name]: header.value } : {};
}
