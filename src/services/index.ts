import { randomInt } from 'node:crypto';
import type { Config } from '../config/index.js';
import { messageOf } from '../errors.js';
import { systemClock } from '../utils/clock.js';
import { KeyRing } from '../utils/KeyRing.js';
import type { Logger } from '../utils/logger.js';
import { TimeBudget } from '../utils/TimeBudget.js';
import { Turns } from '../utils/turns.js';
import { JobViews } from '../views/JobViews.js';
import { MetricsViews } from '../views/MetricsViews.js';
import { workflows as registeredWorkflows } from '../workflows/index.js';
import { PromptRunner } from './comfyui/PromptRunner.js';
import { createMachines } from './createMachines.js';
import {
  createAssetLibrary,
  createHolderAudit,
  createInputFetcher,
  createSharing,
  createWebhooks,
} from './factories.js';
import { HealthReporter } from './health.js';
import { smallPicture } from './images/smallPicture.js';
import { Thumbnails } from './images/Thumbnails.js';
import { Warmup } from './instances/Warmup.js';
import { Admission } from './jobs/Admission.js';
import { AssetBlobs } from './jobs/AssetBlobs.js';
import { AttemptJudge } from './jobs/AttemptJudge.js';
import { MemoryBlobStore } from './jobs/BlobStore.js';
import { Expiry } from './jobs/Expiry.js';
import { DurationEstimates } from './jobs/estimates.js';
import { HopelessGraphs } from './jobs/HopelessGraphs.js';
import { IdempotencyKeys } from './jobs/IdempotencyKeys.js';
import { JobManager } from './jobs/JobManager.js';
import { JobMessages } from './jobs/JobMessages.js';
import { JobProcessor } from './jobs/JobProcessor.js';
import { JobRunner } from './jobs/JobRunner.js';
import { LiveJobs } from './jobs/LiveJobs.js';
import { OutputFiles } from './jobs/OutputFiles.js';
import { OutputIntake } from './jobs/OutputIntake.js';
import { OutputSweeper } from './jobs/OutputSweeper.js';
import { PromptSecrets } from './jobs/PromptSecrets.js';
import { QueueRepair } from './jobs/QueueRepair.js';
import { STORE_TIMINGS, StoreCalls } from './jobs/StoreCalls.js';
import { Figures } from './metrics/Figures.js';
import { FleetLoad } from './metrics/FleetLoad.js';
import { MetricsFile } from './metrics/MetricsFile.js';
import { Prometheus } from './metrics/Prometheus.js';
import { Recorder } from './metrics/Recorder.js';
import { RedisFigures } from './metrics/redis/RedisFigures.js';
import { Summary } from './metrics/Summary.js';
import { NativeApi } from './native/NativeApi.js';
import {
  ASSET_TIMINGS,
  FOLLOW_TIMINGS,
  MAX_OUTPUTS_IN_MEMORY,
  MAX_THUMBNAIL_BYTES,
  type ServiceOverrides,
  WEBHOOK_OPTIONS,
} from './ServiceOverrides.js';
import type { Services } from './Services.js';
import { createClientFiles, createRequestCounts, createWorkflows } from './sharedFactories.js';
import { stopServices } from './shutdown.js';
import { GraphSubmissions } from './submissions/GraphSubmissions.js';
import { ownAssetFiles } from './submissions/ownAssetFiles.js';
import { Submissions } from './submissions/Submissions.js';
import { UploadBudget } from './submissions/UploadBudget.js';
import { Tracing } from './tracing/Tracing.js';

export type { Services } from './Services.js';

/** Builds the graph of services, once, in reading order. Nothing runs before `start`. */
export function createServices(config: Config, logger: Logger, overrides: ServiceOverrides = {}): Services {
  const clock = overrides.clock ?? systemClock;
  const log = (component: string) => logger.child({ component });
  const builtIn = overrides.workflows ?? registeredWorkflows;

  const { idempotency, redis, slots, machineChanges, holders, audited, ...sharing } = createSharing(
    config,
    builtIn,
    overrides,
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
    },
    overrides,
    log,
  );
  const { connections, state, fleet, shared, otherUsers, balancer, needs, graphs } = machines;
  const { gpuFaults, checker, verdicts, scheduler } = machines;
  const { instances } = fleet;

  const library = createAssetLibrary(config, holders, clock, log('assets'));
  const assetBlobs = library && new AssetBlobs(library);
  const blobs = overrides.blobStore ?? assetBlobs ?? new MemoryBlobStore();
  /** Where bytes do not wait in memory, they go there as they come, and its bounds are of no account. */
  const stream = blobs === assetBlobs ? assetBlobs : undefined;
  const inMemory = (bytes: number) => (stream ? Number.POSITIVE_INFINITY : bytes);
  const storeTimings = { ...(stream ? ASSET_TIMINGS : STORE_TIMINGS), ...overrides.stores };
  const manager = new JobManager(
    { ...sharing, blobs },
    {
      maxResultBytes: inMemory(config.jobs.maxResultBytes),
      lifetimeMs: config.jobs.lifetimeMs,
    },
    clock,
    log('jobs'),
    storeTimings,
  );
  new HopelessGraphs(manager, graphs, log('jobs'));
  const thumbnails = new Thumbnails({ maxPixels: config.outputs.maxPixels, maxBytes: MAX_THUMBNAIL_BYTES });
  manager.events.subscribe('resultDropped', ({ id }) => thumbnails.forget(id));
  const prompts = new PromptRunner(
    connections,
    {
      timings: { ...FOLLOW_TIMINGS, ...overrides.follow },
      maxOutputBytes: config.jobs.maxResultBytes,
      keepHistory: config.machines.keepHistory,
      stopTimeoutMs: config.machines.controlTimeoutMs,
      stopPatienceMs: 60_000,
    },
    log('prompts'),
  );
  const warmup = config.machines.warmsUp
    ? new Warmup(
        { prompts, workflows, gpuFaults, imageInput: config.machines.imageInput, picture: smallPicture },
        config.jobs.timeoutMs,
        log('warmup'),
      )
    : undefined;
  checker.onUp((instance) => void warmup?.warm(instance));
  const outputFiles = new OutputFiles(config.outputs.directory);
  const outputSweeper = new OutputSweeper(
    { files: outputFiles, events: manager.events },
    config.outputs.filesTtlMs,
    clock,
    log('jobs'),
  );
  const secrets = new PromptSecrets(manager.events);
  const calls = new StoreCalls(storeTimings);
  const roomBytes = Math.min(MAX_OUTPUTS_IN_MEMORY, config.jobs.maxResultBytes);
  const messages = new JobMessages(log('jobs'));
  const live = new LiveJobs(manager.events, (error) =>
    log('jobs').error('A listener to job events failed', { error: messageOf(error) }),
  );
  const runner = new JobRunner({
    manager,
    prompts,
    instances,
    messages,
    live,
    imageInput: config.machines.imageInput,
    secrets,
    outputFiles: config.outputs.areFilesKept ? outputFiles : undefined,
    newIntake: stream && (() => new OutputIntake(stream, calls, roomBytes)),
    maxOutputPixels: config.outputs.maxPixels,
    tracing,
    logger: log('jobs'),
  });
  fleet.onChanged(() => processor.wake());
  const judge = new AttemptJudge(
    { manager, health: checker, gpuFaults, verdicts },
    config.jobs.maxAttempts,
    log('processor'),
  );
  const processor = new JobProcessor(
    {
      manager,
      runner,
      balancer,
      health: checker,
      judge,
      shared,
      scheduler,
      updates: redis?.machineUpdates,
      workflows,
      graphs,
      clock,
      tracing,
    },
    {
      maxConcurrentJobs: config.jobs.maxConcurrent,
      maxJobsPerInstance: config.machines.maxJobs,
      pollIntervalMs: config.jobs.pollIntervalMs,
      jobTimeoutMs: config.jobs.timeoutMs,
      queueTimeoutMs: config.jobs.queueTimeoutMs,
    },
    log('processor'),
  );
  otherUsers.onFewer(() => processor.wake());
  warmup?.onWarm(() => processor.wake());
  const isIdle = () => processor.activeJobs === 0;
  const expiry = new Expiry(
    manager,
    { lifetimeMs: config.jobs.lifetimeMs, isIdle, collectGarbage: () => globalThis.gc?.() },
    log('jobs'),
  );

  const clientFiles = createClientFiles(config, { stored: assetBlobs, redis }, clock, log('assets'));
  const clientAssets = clientFiles.assets;
  const audit = createHolderAudit(audited, library, { manager, clientAssets }, log('assets'));
  const repair = manager.isShared ? new QueueRepair(manager, log('jobs')) : undefined;
  const estimates = new DurationEstimates(workflows);
  const admission = new Admission(
    { manager, estimates, slots: () => processor.slots },
    { maxQueueSize: config.jobs.maxQueued, maxQueueBytes: inMemory(config.jobs.maxQueueBytes) },
  );
  const idempotencyKeys = new IdempotencyKeys(idempotency, manager.events);
  const views = new JobViews({ manager, estimates, processor, clock });
  const webhooks = createWebhooks(
    config,
    { manager, views, redis, tracing },
    { ...WEBHOOK_OPTIONS, ...overrides.webhooks },
    clock,
    log('webhooks'),
  );
  const uploadBudget = new UploadBudget(config.uploads.maxBytes, () => admission.retryAfterSeconds());
  const inputs = createInputFetcher(config);
  const submissions = new Submissions(
    {
      manager,
      admission,
      idempotencyKeys,
      balancer,
      webhooks,
      stream,
      budget: uploadBudget,
      fetcher: overrides.inputFetcher ?? inputs.fetcher,
      assets: overrides.assetFiles ?? ownAssetFiles(clientAssets, manager),
      random: overrides.random ?? randomInt,
      clock,
      tracing,
    },
    {
      maxFileBytes: config.uploads.maxFileBytes,
      imageTypes: config.uploads.imageTypes,
      maxPixels: config.uploads.maxImagePixels,
      maxOutputPixels: config.outputs.maxPixels,
      machineRetrySeconds: Math.ceil(config.machines.controlTimeoutMs / 1000),
    },
  );
  const graphSubmissions = new GraphSubmissions(
    { submissions, graphs, secrets },
    () => config.api.rawWorkflows ?? (keys.isEmpty ? 'all' : 'admin'),
  );
  const native =
    config.native.port === undefined
      ? undefined
      : new NativeApi(
          {
            manager,
            messages,
            submissions: graphSubmissions,
            instances,
            stream,
            clock,
            logger: log('native'),
          },
          {
            files: { maxBytes: config.jobs.maxQueueBytes, lifetimeMs: config.assets.lifetimeMs },
            machineRetrySeconds: Math.ceil(config.machines.controlTimeoutMs / 1000),
          },
        );
  const recorder = new Recorder(clock);
  const load = new FleetLoad({ scheduler, balancer, clock }, config.jobs.scaleTargetMs);
  const prometheus = new Prometheus({
    manager,
    instances,
    admission,
    load,
    uploadBudget,
    workflows,
    webhooks,
  });
  manager.events.subscribe('finished', (job) => recorder.record(job), 'here');
  manager.events.subscribe('finished', (job) => estimates.recordJob(job));
  manager.events.subscribe('finished', (job) => prometheus.recordJob(job), 'here');
  const figures = new Figures({
    recorder,
    processor,
    instances,
    exchange: redis && new RedisFigures(redis.connection, redis.base),
    clock,
    logger: log('metrics'),
  });
  const metrics = new MetricsViews({ figures, recorder, balancer, manager }, clock);
  const metricsFile = new MetricsFile(
    { file: config.metrics.file, intervalMs: config.metrics.intervalMs },
    recorder,
    clock,
    log('metrics'),
  );
  const summary = new Summary({ recorder, manager, processor, balancer }, log('summary'));
  const requestCounts = createRequestCounts(redis, clock, log('http'));
  const isQueueAvailable = () => redis?.connection.isAvailable ?? true;
  const health = new HealthReporter(
    { instances, manager, processor, recorder, admission, workflows, isQueueAvailable },
    clock,
  );

  return {
    clock,
    logger,
    keys,
    turns,
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
    messages,
    live,
    processor,
    estimates,
    admission,
    idempotencyKeys,
    submissions,
    graphSubmissions,
    native,
    uploadBudget,
    stream,
    clientAssets,
    clientStream: clientFiles.blobs,
    views,
    webhooks,
    recorder,
    health,
    checker,
    breakers: machines.breakers,
    metrics,
    metricsFile,
    prometheus,
    tracing,
    requestCounts,
    start: async () => {
      await tracing.start();
      await redis?.start();
      await requestCounts.start?.();
      await assetBlobs?.start();
      await keeper?.start();
      await metricsFile.start();
      await figures.start();
      await machines.start();
      await checker.start();
      needs.start();
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
    stop: (budget = new TimeBudget(config.server.shutdownTimeoutMs)) => {
      const others = [shared, repair, warmup, native].filter((one) => one !== undefined);
      const timers = [
        clientFiles,
        expiry,
        outputSweeper,
        summary,
        { stop: inputs.close },
        needs,
        machines,
        otherUsers,
        graphs,
        ...others,
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
        budget,
        log('server'),
      );
    },
  };
}
