import type { Config } from '../config/index.js';
import type { Clock } from '../utils/clock.js';
import type { Logger } from '../utils/logger.js';
import type { WorkflowCatalogue } from '../workflows/WorkflowCatalogue.js';
import { PromptRunner } from './comfyui/PromptRunner.js';
import type { createMachines } from './createMachines.js';
import { smallPicture } from './images/smallPicture.js';
import { Warmup } from './instances/Warmup.js';
import { AttemptJudge } from './jobs/AttemptJudge.js';
import type { StreamStore } from './jobs/BlobStore.js';
import type { JobManager } from './jobs/JobManager.js';
import { JobMessages } from './jobs/JobMessages.js';
import { JobProcessor } from './jobs/JobProcessor.js';
import { JobRunner } from './jobs/JobRunner.js';
import { LiveJobs } from './jobs/LiveJobs.js';
import { OutputFiles } from './jobs/OutputFiles.js';
import { OutputIntake } from './jobs/OutputIntake.js';
import { OutputSweeper } from './jobs/OutputSweeper.js';
import { PromptSecrets } from './jobs/PromptSecrets.js';
import { StoreCalls, type StoreTimings } from './jobs/StoreCalls.js';
import type { MachineUpdates } from './queue/MachineUpdates.js';
import type { MessageRelay } from './queue/MessageRelay.js';
import { FOLLOW_TIMINGS, MAX_OUTPUTS_IN_MEMORY, type ServiceOverrides } from './ServiceOverrides.js';
import type { Tracing } from './tracing/Tracing.js';

/** How long the cleanup on a machine is repeated after its prompt was stopped, ms. */
const STOP_PATIENCE_MS = 60_000;

interface Parts {
  readonly machines: ReturnType<typeof createMachines>;
  readonly manager: JobManager;
  readonly workflows: WorkflowCatalogue;
  /** Sends updates about machines to other servers, if there are any. */
  readonly updates: MachineUpdates | undefined;
  /** Sends messages to other servers, if there are any. */
  readonly relay: MessageRelay | undefined;
  /** Store for outputs outside of memory. */
  readonly stream: StreamStore | undefined;
  readonly storeTimings: StoreTimings;
  /** Whether the connection to the queue works. */
  readonly isQueueAvailable: () => boolean;
  /** Whether the files of jobs can be read and stored. */
  readonly isStoreAvailable: () => boolean;
  readonly clock: Clock;
  /** The one that sets the times of files. */
  readonly ownClock: Clock;
  readonly tracing: Tracing;
}

/** Creates what runs jobs: it takes them from the queue, runs their prompts on machines, and keeps the outputs. */
export function createProcessing(
  config: Config,
  parts: Parts,
  overrides: ServiceOverrides,
  log: (component: string) => Logger,
) {
  const { machines, manager, workflows, updates, relay, stream, storeTimings, isStoreAvailable } = parts;
  const { clock, tracing } = parts;
  const { connections, fleet, shared, otherUsers, balancer, graphs, comparison } = machines;
  const { gpuFaults, checker, verdicts, scheduler } = machines;
  const prompts = new PromptRunner(
    connections,
    {
      timings: { ...FOLLOW_TIMINGS, ...overrides.follow },
      maxOutputBytes: config.jobs.maxResultBytes,
      keepHistory: config.machines.keepHistory,
      stopTimeoutMs: config.machines.controlTimeoutMs,
      stopPatienceMs: STOP_PATIENCE_MS,
    },
    log('prompts'),
  );
  const outputFiles = new OutputFiles(config.outputs.directory);
  const outputSweeper = new OutputSweeper(
    { files: outputFiles, events: manager.events },
    config.outputs.filesTtlMs,
    parts.ownClock,
    log('jobs'),
  );
  const secrets = new PromptSecrets(manager.events);
  const calls = new StoreCalls(storeTimings);
  const roomBytes = Math.min(MAX_OUTPUTS_IN_MEMORY, config.jobs.maxResultBytes);
  const messages = new JobMessages(log('jobs'), relay);
  const live = new LiveJobs();
  const runner = new JobRunner({
    manager,
    prompts,
    instances: fleet.instances,
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
      updates,
      workflows,
      graphs,
      comparison,
      clock,
      tracing,
      isQueueAvailable: parts.isQueueAvailable,
      isStoreAvailable,
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
  const warmup = config.machines.warmsUp
    ? new Warmup(
        { prompts, workflows, gpuFaults, imageInput: config.machines.imageInput, picture: smallPicture },
        config.jobs.timeoutMs,
        log('warmup'),
      )
    : undefined;
  checker.onHealthy(({ client }) => void prompts.retryCleanup(client));
  checker.onUp((instance) => void warmup?.warm(instance));
  warmup?.onWarm(() => processor.wake());
  graphs.onAble(() => processor.wake());
  fleet.onChanged(() => processor.wake());
  otherUsers.onFewer(() => processor.wake());
  return { prompts, warmup, outputSweeper, secrets, messages, live, processor };
}
