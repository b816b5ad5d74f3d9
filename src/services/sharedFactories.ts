import type { Store } from 'express-rate-limit';
import type { Config } from '../config/index.js';
import type { Clock } from '../utils/clock.js';
import type { Logger } from '../utils/logger.js';
import { SharedWorkflows } from '../workflows/files/SharedWorkflows.js';
import { WorkflowFolder } from '../workflows/files/WorkflowFolder.js';
import type { Workflow } from '../workflows/types.js';
import { WorkflowCatalogue } from '../workflows/WorkflowCatalogue.js';
import { AssetLibrary } from './assets/AssetLibrary.js';
import type { AssetRecords } from './assets/AssetRecords.js';
import { ClientAssets } from './assets/ClientAssets.js';
import { MemoryAssetHolders } from './assets/MemoryAssetHolders.js';
import { MemoryAssetRecords } from './assets/MemoryAssetRecords.js';
import { MemoryAssetStore } from './assets/MemoryAssetStore.js';
import { RedisAssetRecords } from './assets/redis/RedisAssetRecords.js';
import { AssetBlobs } from './jobs/AssetBlobs.js';
import { MinuteStore } from './limits/MinuteStore.js';
import { SharedMinuteStore } from './limits/redis/SharedMinuteStore.js';
import type { RedisQueue } from './queue/redis/createRedisQueue.js';
import { tellingUnavailable } from './queue/redis/unavailable.js';

/** Starts the components that connect to something. */
type RequestCounts = Store & { start?(): Promise<void> };

/** Counts the requests to all servers if they share a Redis, otherwise those to this server. */
export function createRequestCounts(
  redis: RedisQueue | undefined,
  clock: Clock,
  logger: Logger,
): RequestCounts {
  if (!redis) return new MinuteStore(clock);
  return new SharedMinuteStore({ connection: redis.connection, prefix: redis.base, clock, logger });
}

/** Where the files lie that clients leave with the server. */
interface ClientFiles {
  readonly assets: ClientAssets;
  /** Takes them as they come. */
  readonly blobs: AssetBlobs;
  /** Ends the timers. */
  stop(): void;
}

/**
 * Files of clients lie where the files of jobs do; in this process's memory where that is no store of assets.
 * @param parts.stored undefined where the files of jobs are in memory
 */
export function createClientFiles(
  { assets, jobs }: Config,
  { stored, redis }: { stored: AssetBlobs | undefined; redis: RedisQueue | undefined },
  clock: Clock,
  logger: Logger,
): ClientFiles {
  const { lifetimeMs } = assets;
  const inMemory = () =>
    new AssetLibrary(new MemoryAssetStore(clock), new MemoryAssetHolders(), lifetimeMs, clock, logger);
  const blobs = stored ?? new AssetBlobs(inMemory());
  const records = redis
    ? tellingUnavailable<AssetRecords>(new RedisAssetRecords(redis.connection, redis.base))
    : new MemoryAssetRecords();
  const maxBytes = stored ? Number.POSITIVE_INFINITY : jobs.maxQueueBytes;
  const clientAssets = new ClientAssets(
    { library: blobs.library, records },
    { lifetimeMs, maxBytes },
    clock,
    logger,
  );
  return {
    blobs,
    assets: clientAssets,
    stop: () => {
      void clientAssets.stop();
      // Where it is the jobs' too, it ends with them.
      if (!stored) void blobs.stop();
    },
  };
}

/** Where workflows are kept that are not built in. */
export type WorkflowKeeper = WorkflowFolder | SharedWorkflows;

/** The built-in workflows, those in the folder if there is one, and those shared between servers. */
export function createWorkflows(
  { workflows: { directory } }: Config,
  builtInWorkflows: readonly Workflow[],
  redis: RedisQueue | undefined,
  logger: Logger,
): { workflows: WorkflowCatalogue; keeper: WorkflowKeeper | undefined } {
  if (directory === '') return { workflows: new WorkflowCatalogue(builtInWorkflows), keeper: undefined };
  const builtIn = new Set(builtInWorkflows.map(({ type }) => type));
  const folder = new WorkflowFolder({ directory, builtIn, logger });
  const keeper = redis
    ? new SharedWorkflows({ folder, texts: redis.workflowTexts, builtIn, logger })
    : folder;
  return { workflows: new WorkflowCatalogue(builtInWorkflows, keeper), keeper };
}
