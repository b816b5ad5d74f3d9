import type { Clock } from '../utils/clock.js';
import type { Workflow } from '../workflows/types.js';
import type { AssetHolders } from './assets/AssetHolders.js';
import type { ConnectionOptions } from './comfyui/ConnectionManager.js';
import type { FollowTimings } from './comfyui/PromptFollower.js';
import type { Resolve } from './instances/fleet/Roster.js';
import type { HealthOptions } from './instances/HealthChecker.js';
import type { BlobStore } from './jobs/BlobStore.js';
import { STORE_TIMINGS, type StoreTimings } from './jobs/StoreCalls.js';
import type { IdempotencyStore } from './queue/IdempotencyStore.js';
import type { JobEvents } from './queue/JobEvents.js';
import type { JobQueue } from './queue/JobQueue.js';
import type { JobStore } from './queue/JobStore.js';
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
/** Large files take their time on their way to a bucket. */
export const ASSET_TIMINGS: StoreTimings = { ...STORE_TIMINGS, timeoutMs: 60_000 };
/** What one job's outputs may have in memory where they are kept outside of it. */
export const MAX_OUTPUTS_IN_MEMORY = 32 * 1024 * 1024;
/** Of small pictures: those of some thousand results. */
export const MAX_THUMBNAIL_BYTES = 16 * 1024 * 1024;

export const FOLLOW_TIMINGS: FollowTimings = {
  quietPollMs: 2000,
  lostPollMs: 500,
  queueCheckMs: 10_000,
  historyRetryMs: 20,
  historyPatienceMs: 5000,
};

/** What a test, or a program with other needs, may put in place of the defaults. */
export interface ServiceOverrides {
  readonly clock?: Clock;
  readonly workflows?: readonly Workflow[];
  /** Whether other servers use the same store, queue, events and keys. Whoever makes these starts and stops them. */
  readonly isShared?: boolean;
  readonly jobStore?: JobStore;
  readonly jobQueue?: JobQueue;
  readonly jobEvents?: JobEvents;
  readonly idempotencyStore?: IdempotencyStore;
  /** Places on machines that other servers give jobs to, too. Whoever makes it starts and stops it. */
  readonly slotLeases?: SlotLeases;
  readonly blobStore?: BlobStore;
  /** Who holds what in a folder or a bucket that servers share. */
  readonly assetHolders?: AssetHolders;
  readonly follow?: Partial<FollowTimings>;
  readonly health?: Partial<HealthOptions>;
  readonly connections?: Partial<ConnectionOptions>;
  readonly webhooks?: Partial<typeof WEBHOOK_OPTIONS>;
  readonly stores?: Partial<StoreTimings>;
  /** Gets the files that clients name by an address. */
  readonly inputFetcher?: GatheringParts['fetcher'];
  /** Gets the files that clients left here before. */
  readonly assetFiles?: AssetFiles;
  /** Looks up the addresses of names of machines. */
  readonly resolve?: Resolve;
  /** Chooses seeds. */
  readonly random?: RandomNumber;
}
