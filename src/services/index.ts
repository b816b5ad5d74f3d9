import { setMaxListeners } from 'node:events';
import type { Config } from '../config/index.js';
import { systemClock } from '../utils/clock.js';
import { KeyRing } from '../utils/KeyRing.js';
import type { Logger } from '../utils/logger.js';
import { TimeBudget } from '../utils/TimeBudget.js';
import { Turns } from '../utils/turns.js';
import { JobViews } from '../views/JobViews.js';
import { workflows as registeredWorkflows } from '../workflows/index.js';
import { StoreComparison } from './assets/StoreComparison.js';
import { createMachines } from './createMachines.js';
import { createMetrics } from './createMetrics.js';
import { createProcessing } from './createProcessing.js';
import { createSubmissions } from './createSubmissions.js';
import { createAssetLibrary, createHolderAudit, createSharing, createWebhooks } from './factories.js';
import { Thumbnails } from './images/Thumbnails.js';
import { Admission } from './jobs/Admission.js';
import { AssetBlobs } from './jobs/AssetBlobs.js';
import { MemoryBlobStore } from './jobs/BlobStore.js';
import { Expiry } from './jobs/Expiry.js';
import { DurationEstimates } from './jobs/estimates.js';
import { HopelessGraphs } from './jobs/HopelessGraphs.js';
import { hasUnfinishedJobs } from './jobs/hasUnfinishedJobs.js';
import { JobManager } from './jobs/JobManager.js';
import { QueueRepair } from './jobs/QueueRepair.js';
import { STORE_TIMINGS } from './jobs/StoreCalls.js';
import { WaitingGraphs } from './jobs/WaitingGraphs.js';
import {
  ASSET_TIMINGS,
  MAX_THUMBNAIL_BYTES,
  type ServiceOverrides,
  WEBHOOK_OPTIONS,
} from './ServiceOverrides.js';
import type { Services } from './Services.js';
import { createClientFiles, createWorkflows } from './sharedFactories.js';
import { stopServices } from './shutdown.js';
import { Tracing } from './tracing/Tracing.js';

export type { Services } from './Services.js';

/** Builds the graph of services, once, in reading order. Nothing runs before `start`. */
export function createServices(config: Config, logger: Logger, overrides: ServiceOverrides = {}): Services {
  /** For what only this server compares, such as the ages of its files. */
  const ownClock = overrides.clock ?? systemClock;
  const log = (component: string) => logger.child({ component });
  const builtIn = overrides.workflows ?? registeredWorkflows;

  const { clock, idempotency, redis, slots, machineChanges, holders, audited, ...sharing } = createSharing(
    config,
    builtIn,
    overrides,
    ownClock,
    log('jobs'),
  );
  const { workflows, keeper } = createWorkflows(config, builtIn, redis, log('workflows'));

  const keys = new KeyRing(config.access.keys);
  const turns = new Turns();
  const tracing = new Tracing(config.tracing);
  const machines = createMachines(
    config,
    {
      workflows,
      redis,
      slots,
      machineChanges,
      clock,
      turns,
      tracing,
      wantedPrompts: () => manager.promptsUnderWay(),
      hasUnfinishedJobs: (type) => hasUnfinishedJobs(manager, type),
    },
    overrides,
    log,
  );
  const { connections, state, fleet, balancer, removed, needs, checker, scheduler, graphs, comparison } =
    machines;
  const { instances } = fleet;

  const library = createAssetLibrary(config, holders, ownClock, log('assets'));
  const assetBlobs = library && new AssetBlobs(library);
  const blobs = overrides.blobStore ?? assetBlobs ?? new MemoryBlobStore();
  const isStoreAvailable = () => library?.isAvailable ?? true;
  const stores = library && redis && new StoreComparison(library, redis.assetStores, log('assets'));
  const isQueueAvailable = () => redis?.connection.isAvailable ?? true;
  const closing = new AbortController();
  // One for each open stream.
  setMaxListeners(0, closing.signal);
  /** If bytes are stored outside of memory, they are streamed there, and the limits of memory do not apply. */
  const stream = blobs === assetBlobs ? assetBlobs : undefined;
  const storeTimings = { ...(stream ? ASSET_TIMINGS : STORE_TIMINGS), ...overrides.stores };
  const manager = new JobManager(
    { ...sharing, blobs },
    {
      maxResultBytes: config.jobs.maxResultBytes,
      keepsResultsInMemory: !stream,
      lifetimeMs: config.jobs.lifetimeMs,
    },
    clock,
    log('jobs'),
    storeTimings,
  );
  new HopelessGraphs({ manager, graphs, comparison }, log('jobs'));
  const thumbnails = new Thumbnails({ maxPixels: config.outputs.maxPixels, maxBytes: MAX_THUMBNAIL_BYTES });
  manager.events.subscribe('resultDropped', ({ id }) => thumbnails.forget(id));
  const processing = createProcessing(
    config,
    {
      machines,
      manager,
      workflows,
      updates: redis?.machineUpdates,
      relay: redis?.messageRelay,
      stream,
      storeTimings,
      isQueueAvailable,
      isStoreAvailable,
      clock,
      ownClock,
      tracing,
    },
    overrides,
    log,
  );
  const { processor, prompts, outputSweeper, warmup } = processing;
  const isIdle = () => processor.activeJobs === 0;
  const expiry = new Expiry(
    manager,
    { lifetimeMs: config.jobs.lifetimeMs, isIdle, collectGarbage: () => globalThis.gc?.() },
    log('jobs'),
  );

  const clientFiles = createClientFiles(config, { stored: assetBlobs, redis }, clock, log('assets'));
  const clientAssets = clientFiles.assets;
  const audit = createHolderAudit(audited, assetBlobs, { manager, clientAssets }, log('assets'));
  const repair = manager.isShared ? new QueueRepair(manager, clock, log('jobs')) : undefined;
  const estimates = new DurationEstimates(workflows);
  manager.events.subscribe('finished', (job) => estimates.recordJob(job));
  const admission = new Admission(
    {
      manager,
      estimates,
      pace: processor.pace,
      graphs: manager.isShared ? undefined : new WaitingGraphs(manager.events),
    },
    {
      maxQueueSize: config.jobs.maxQueued,
      maxQueueBytes: stream ? Number.POSITIVE_INFINITY : config.jobs.maxQueueBytes,
      maxGraphBytes: config.jobs.maxQueueBytes,
    },
  );
  const views = new JobViews({ manager, estimates, processor, clock });
  const webhooks = createWebhooks(
    config,
    { manager, views, redis, tracing },
    { ...WEBHOOK_OPTIONS, ...overrides.webhooks },
    clock,
    log('webhooks'),
  );
  const { closeInputs, ...entrances } = createSubmissions(
    config,
    {
      machines,
      processing,
      manager,
      admission,
      idempotency,
      clientAssets,
      stream,
      kept: clientFiles.blobs,
      webhooks,
      keys,
      clock,
      tracing,
    },
    overrides,
    log,
  );
  const { native, uploadBudget } = entrances;
  const { figures, summary, ...measuring } = createMetrics(
    config,
    {
      manager,
      processor,
      admission,
      instances,
      fleet,
      balancer,
      scheduler,
      workflows,
      removed,
      uploadBudget,
      webhooks,
      redis,
      isQueueAvailable,
      isStoreAvailable,
      storeDifference: () => stores?.difference,
      clock,
      ownClock,
    },
    log,
  );
  const { metricsFile, recorder, requestCounts } = measuring;

  return {
    clock,
    logger,
    keys,
    turns,
    closing,
    workflows,
    needs,
    instances,
    fleet,
    desk: machines.desk,
    connections,
    balancer,
    manager,
    thumbnails,
    scheduler,
    messages: processing.messages,
    live: processing.live,
    processor,
    estimates,
    admission,
    ...entrances,
    stream,
    clientAssets,
    clientStream: clientFiles.blobs,
    views,
    webhooks,
    checker,
    breakers: machines.breakers,
    ...measuring,
    tracing,
    start: async () => {
      await tracing.start();
      await redis?.start();
      recorder.start();
      await requestCounts.start?.();
      await assetBlobs?.start();
      stores?.start();
      await keeper?.start();
      await metricsFile.start();
      await figures.start();
      await machines.start();
      // Before it accepts jobs that other servers might end.
      await comparison.start();
      await checker.start();
      processor.start();
      expiry.start();
      audit?.start();
      clientAssets.start();
      repair?.start();
      await webhooks?.start();
      outputSweeper.start();
      summary.start();
      native?.start();
    },
    stop: (budget = new TimeBudget(config.server.shutdownTimeoutMs), fetchMs = 0) => {
      const optional = [machines.shared, stores, repair, warmup, native].filter((one) => one !== undefined);
      const timers = [
        clientFiles,
        expiry,
        outputSweeper,
        summary,
        { stop: closeInputs },
        needs,
        machines,
        machines.otherUsers,
        graphs,
        comparison,
        ...optional,
      ];
      return stopServices(
        {
          manager,
          processor,
          prompts,
          connections,
          fleet,
          checker,
          metricsFile,
          figures,
          webhooks,
          keeper,
          assetBlobs,
          audit,
          redis,
          state,
          tracing,
          timers,
        },
        { budget, fetchMs },
        log('server'),
      );
    },
  };
}
