import type { Clock } from '../utils/clock.js';
import type { Workflow } from '../workflows/types.js';
import type { AssetHolders } from './assets/AssetHolders.js';
import type { ConnectionOptions } from './comfyui/ConnectionManager.js';
import type { FollowTimings } from './comfyui/PromptFollower.js';
import type { Resolve } from './instances/fleet/Roster.js';
import type { GpuFaultTimings } from './instances/GpuFaults.js';
import type { HealthOptions } from './instances/HealthChecker.js';
import type { OtherUsersOptions } from './instances/OtherUsers.js';
import type { BlobStore } from './jobs/BlobStore.js';
import { STORE_TIMINGS, type StoreTimings } from './jobs/StoreCalls.js';
import type { IdempotencyStore } from './queue/IdempotencyStore.js';
import type { JobEvents } from './queue/JobEvents.js';
import type { JobQueue } from './queue/JobQueue.js';
import type { JobStore } from './queue/JobStore.js';
import type { RedisTimings } from './queue/redis/RedisConnection.js';
import type { SlotLeases } from './queue/SlotLeases.js';
import type { AssetFiles, GatheringParts } from './submissions/FileGathering.js';
import type { RandomNumber } from './submissions/seeds.js';
import type { WebhookOptions } from './webhooks/Webhooks.js';

export const WEBHOOK_OPTIONS: WebhookOptions & { timeoutMs: number; holdMs: number } = {
  timeoutMs: 15_000,
  baseDelayMs: 5000,
  maxDelayMs: 3_600_000,
  giveUpAfterMs: 24 * 3_600_000,
  maxDeliveries: 10_000,
  untoldCheckMs: 10_000,
  holdMs: 30_000,
};
/** Large files take a while on their way to a bucket. */
export const ASSET_TIMINGS: StoreTimings = { ...STORE_TIMINGS, timeoutMs: 60_000 };
/** Memory for the outputs of one job if they are stored outside of memory. */
export const MAX_OUTPUTS_IN_MEMORY = 32 * 1024 * 1024;
/** Memory for thumbnails: those of some thousand results. */
export const MAX_THUMBNAIL_BYTES = 16 * 1024 * 1024;

export const FOLLOW_TIMINGS: FollowTimings = {
  quietPollMs: 2000,
  lostPollMs: 500,
  // As long as the queue holds the jobs of a server that was killed.
  heldMs: 30_000,
  queueCheckMs: 10_000,
  historyRetryMs: 20,
  historyPatienceMs: 5000,
};

/** Replacements for the defaults, for tests and other programs. */
export interface ServiceOverrides {
  readonly clock?: Clock;
  readonly workflows?: readonly Workflow[];
  /** Whether other servers use the same store, queue, events and keys. Their creator starts and stops them. */
  readonly isShared?: boolean;
  readonly redis?: Partial<RedisTimings>;
  readonly jobStore?: JobStore;
  readonly jobQueue?: JobQueue;
  readonly jobEvents?: JobEvents;
  readonly idempotencyStore?: IdempotencyStore;
  /** Slots on machines that other servers use, too. Their creator starts and stops them. */
  readonly slotLeases?: SlotLeases;
  readonly blobStore?: BlobStore;
  /** Holders of the assets in a folder or bucket that servers share. */
  readonly assetHolders?: AssetHolders;
  readonly follow?: Partial<FollowTimings>;
  readonly health?: Partial<HealthOptions>;
  readonly gpuFaults?: Partial<GpuFaultTimings>;
  readonly otherUsers?: Partial<OtherUsersOptions>;
  readonly connections?: Partial<ConnectionOptions>;
  readonly webhooks?: Partial<typeof WEBHOOK_OPTIONS>;
  readonly stores?: Partial<StoreTimings>;
  /** Fetches files that clients name by URL. */
  readonly inputFetcher?: GatheringParts['fetcher'];
  /** Finds files that clients uploaded before. */
  readonly assetFiles?: AssetFiles;
  /** Looks up the addresses of names of machines. */
  readonly resolve?: Resolve;
  /** Chooses seeds. */
  readonly random?: RandomNumber;
}
