import { randomInt } from 'node:crypto';
import type { Store } from 'express-rate-limit';
import type { Config } from '../config/index.js';
import { messageOf } from '../errors.js';
import { type Clock, systemClock } from '../utils/clock.js';
import { KeyRing } from '../utils/KeyRing.js';
import type { Logger } from '../utils/logger.js';
import { TimeBudget } from '../utils/TimeBudget.js';
import { Turns } from '../utils/turns.js';
import { JobViews } from '../views/JobViews.js';
import { MetricsViews } from '../views/MetricsViews.js';
import { workflows as registeredWorkflows } from '../workflows/index.js';
import type { WorkflowCatalogue } from '../workflows/WorkflowCatalogue.js';
import type { ClientAssets } from './assets/ClientAssets.js';
import type { ConnectionManager } from './comfyui/ConnectionManager.js';
import { PromptRunner } from './comfyui/PromptRunner.js';
import { ServerState } from './comfyui/ServerState.js';
import { createFleet } from './createFleet.js';
import {
  createAssetLibrary,
  createConnections,
  createHolderAudit,
  createInputFetcher,
  createInspector,
  createSharedSlots,
  createSharing,
  createWebhooks,
  instanceMaker,
} from './factories.js';
import { HealthReporter } from './health.js';
import { smallPicture } from './images/smallPicture.js';
import { Thumbnails } from './images/Thumbnails.js';
import { BreakerSwitch } from './instances/BreakerSwitch.js';
import type { Fleet } from './instances/fleet/Fleet.js';
import type { MachineDesk } from './instances/fleet/MachineDesk.js';
import { GpuFaults } from './instances/GpuFaults.js';
import { GraphMachines } from './instances/GraphMachines.js';
import { HealthChecker } from './instances/HealthChecker.js';
import type { Instance } from './instances/Instance.js';
import { JobVerdicts } from './instances/JobVerdicts.js';
import { LoadBalancer } from './instances/LoadBalancer.js';
import { OtherUsers } from './instances/OtherUsers.js';
import { Scheduler } from './instances/scheduling/Scheduler.js';
import { Warmup } from './instances/Warmup.js';
import { WorkflowNeeds } from './instances/WorkflowNeeds.js';
import { Admission } from './jobs/Admission.js';
import { AssetBlobs } from './jobs/AssetBlobs.js';
import { AttemptJudge } from './jobs/AttemptJudge.js';
import { MemoryBlobStore, type StreamStore } from './jobs/BlobStore.js';
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
import { createClientFiles, createRequestCounts, createWorkflows } from './sharedFactories.js';
import { stopServices } from './shutdown.js';
import { GraphSubmissions } from './submissions/GraphSubmissions.js';
import { ownAssetFiles } from './submissions/ownAssetFiles.js';
import { Submissions } from './submissions/Submissions.js';
import { UploadBudget } from './submissions/UploadBudget.js';
import { Tracing } from './tracing/Tracing.js';
import type { Webhooks } from './webhooks/Webhooks.js';

export interface Services {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whoever has one of these may use the server. */
  readonly keys: KeyRing;
  readonly turns: Turns;
  readonly workflows: WorkflowCatalogue;
  /** What workflows need, and whether the machines have it. */
  readonly needs: WorkflowNeeds;
  readonly instances: readonly Instance[];
  readonly fleet: Fleet;
  /** Adds, changes and removes machines by hand. */
  readonly desk: MachineDesk;
  readonly connections: ConnectionManager;
  readonly balancer: LoadBalancer;
  readonly manager: JobManager;
  readonly thumbnails: Thumbnails;
  readonly scheduler: Scheduler;
  /** What machines say of jobs while they run. */
  readonly messages: JobMessages;
  /** Details of jobs that run here. */
  readonly live: LiveJobs;
  readonly processor: JobProcessor;
  readonly estimates: DurationEstimates;
  readonly admission: Admission;
  readonly idempotencyKeys: IdempotencyKeys;
  readonly submissions: Submissions;
  /** Submissions of clients' own graphs. */
  readonly graphSubmissions: GraphSubmissions;
  /** undefined where there is no port for it. */
  readonly native: NativeApi | undefined;
  /** Memory for what clients send. */
  readonly uploadBudget: UploadBudget;
  /** Where what clients send goes as it comes, but for images; undefined where that is memory. */
  readonly stream: StreamStore | undefined;
  /** Files that clients leave with the server. */
  readonly clientAssets: ClientAssets;
  /** Where those go as they come. */
  readonly clientStream: StreamStore;
  readonly views: JobViews;
  /** undefined where there is no secret to sign them with. */
  readonly webhooks: Webhooks | undefined;
  readonly recorder: Recorder;
  readonly health: HealthReporter;
  readonly checker: HealthChecker;
  /** Opens and closes breakers by hand. */
  readonly breakers: BreakerSwitch;
  readonly metrics: MetricsViews;
  readonly metricsFile: MetricsFile;
  readonly prometheus: Prometheus;
  readonly tracing: Tracing;
  /** How many requests each client sent in its minute. */
  readonly requestCounts: Store;
  /** Checks the instances once and starts the processor. */
  start(): Promise<void>;
  /**
   * Refuses new jobs, gives the running ones their time, closes every socket and timer.
   * @param budget for all of it; `SHUTDOWN_TIMEOUT` from now when it is left out
   * @returns names of the parts that did not stop in time
   */
  stop(budget?: TimeBudget): Promise<string[]>;
}

/** Of a graph that its client sent along, until some were measured. */
const GRAPH_SECONDS = 30;

/** Builds the graph of services, once, in reading order. Nothing runs before `start`. */
export function createServices(config: Config, logger: Logger, overrides: ServiceOverrides = {}): Services {
  const clock = overrides.clock ?? systemClock;
  const log = (component: string) => logger.child({ component });
  const builtIn = overrides.workflows ?? registeredWorkflows;

  const { idempotency, redis, slots, holders, audited, ...sharing } = createSharing(
    config,
    builtIn,
    overrides,
    log('jobs'),
  );
  const { workflows, keeper } = createWorkflows(config, builtIn, redis, log('workflows'));

  const connections = createConnections(config, log('connections'), overrides.connections);
  const turns = new Turns();
  const state = new ServerState(config.server.stateDir, log('state'));
  const tracing = new Tracing(config.tracing);
  const { fleet, ...machines } = createFleet(
    config,
    { create: instanceMaker(config, { clock, turns, state, tracing }), redis, resolve: overrides.resolve },
    log('fleet'),
  );
  const { instances } = fleet;
  const shared = createSharedSlots(config, instances, slots);
  const otherUsers = new OtherUsers(
    { instances, serverId: state.id, servers: shared },
    { settleMs: 50, lookMs: 1000, ...overrides.otherUsers },
    log('health'),
  );
  connections.onQueue((host, remaining) => otherUsers.heard(host, remaining));
  const balancer = new LoadBalancer(instances, shared, otherUsers);
  balancer.onRelease(() => fleet.sweep());
  const inspector = createInspector(
    config,
    { workflows, instances, state, clock, wantedPrompts: () => manager.promptsUnderWay() },
    log('health'),
  );
  const needs = new WorkflowNeeds({ workflows, instances, inspector }, log('health'));
  const gpuFaults = new GpuFaults((host) => connections.isConnected(host), log('health'));
  const graphs = new GraphMachines({ instances, inspector }, clock, log('health'));
  const checker = new HealthChecker(
    instances,
    inspector,
    {
      intervalMs: config.machines.checkIntervalMs,
      freshMs: 2000,
      recheckMs: 1000,
      lookMs: 1000,
      severalMachinesMs: 600_000,
      ...overrides.health,
    },
    clock,
    log('health'),
    gpuFaults,
  );

  const breakers = new BreakerSwitch({ instances, checker, forced: redis?.forcedHosts }, log('breakers'));
  connections.onLoss((host) => {
    if (!connections.isConnected(host)) otherUsers.forget(host);
    const instance = instances.find((one) => one.host === host);
    if (instance) void checker.suspect(instance);
  });
  checker.onReturn(({ address }) => void connections.reopen(address));
  // The first job on an instance should not have to wait for a handshake.
  checker.onHealthy(({ address }) => void connections.warmUp(address));

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
  const verdicts = new JobVerdicts(config.machines.breaker.failureThreshold, (instance, error) =>
    checker.takeOut(instance, error),
  );
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
  const scheduler = new Scheduler(
    { maxPassedOverMs: config.jobs.maxPassedOverMs },
    (type) => 1000 * (workflows.get(type)?.estimateSeconds ?? GRAPH_SECONDS),
  );
  checker.onReturn(({ host }) => scheduler.forgetMachine(host));
  fleet.onAdded((instance) => void checker.add(instance));
  fleet.onChanged((instance) => {
    needs.onLabels(instance);
    processor.wake();
  });
  fleet.onGone((instance) => {
    checker.forget(instance);
    connections.forget(instance.host);
    verdicts.forget(instance);
    otherUsers.leave(instance);
    scheduler.forgetMachine(instance.host);
  });
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
    config.api.rawWorkflows ?? (config.access.keys.length > 0 ? 'admin' : 'all'),
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
    keys: new KeyRing(config.access.keys),
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
    breakers,
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
