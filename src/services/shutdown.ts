import { settledWithin } from '../utils/deadline.js';
import type { Logger } from '../utils/logger.js';
import type { TimeBudget } from '../utils/TimeBudget.js';
import { sleep } from '../utils/timers.js';
import type { HolderAudit } from './assets/HolderAudit.js';
import type { ConnectionManager } from './comfyui/ConnectionManager.js';
import type { PromptRunner } from './comfyui/PromptRunner.js';
import type { ServerState } from './comfyui/ServerState.js';
import type { Fleet } from './instances/fleet/Fleet.js';
import type { HealthChecker } from './instances/HealthChecker.js';
import type { AssetBlobs } from './jobs/AssetBlobs.js';
import type { JobManager } from './jobs/JobManager.js';
import type { JobProcessor } from './jobs/JobProcessor.js';
import type { Figures } from './metrics/Figures.js';
import type { MetricsFile } from './metrics/MetricsFile.js';
import type { RedisQueue } from './queue/redis/createRedisQueue.js';
import type { WorkflowKeeper } from './sharedFactories.js';
import type { Tracing } from './tracing/Tracing.js';
import type { Webhooks } from './webhooks/Webhooks.js';

interface Parts {
  readonly manager: JobManager;
  readonly processor: JobProcessor;
  readonly prompts: PromptRunner;
  readonly connections: ConnectionManager;
  readonly fleet: Fleet;
  readonly state: ServerState;
  readonly checker: HealthChecker;
  readonly metricsFile: MetricsFile;
  readonly figures: Figures;
  readonly webhooks: Webhooks | undefined;
  readonly keeper: WorkflowKeeper | undefined;
  readonly assetBlobs: AssetBlobs | undefined;
  readonly audit: HolderAudit | undefined;
  readonly redis: RedisQueue | undefined;
  readonly tracing: Tracing;
  /** What only has a timer, or sockets that nobody waits for. */
  readonly timers: ReadonlyArray<{ stop(): void }>;
}

/** Part of the shutdown time that is reserved for everything after the running jobs: a quarter, at most 3 s. */
const RESERVE = { share: 0.25, maxMs: 3000 };
/** Maximum time for webhooks after the jobs, ms. */
const WEBHOOK_MAX_MS = 5000;
/** What sending the last spans gets at most, ms. */
const TRACES_MAX_MS = 1000;

interface Times {
  /** For all of it. */
  readonly budget: TimeBudget;
  /** After the end of the last job: clients fetch its result. */
  readonly fetchMs: number;
}

/**
 * Stops everything within one budget: each step gets a part of what the previous ones left. A step that exceeds it is
 * abandoned.
 * @returns names of the steps that did not end in time
 */
export async function stopServices(
  parts: Parts,
  { budget, fetchMs }: Times,
  logger: Logger,
): Promise<string[]> {
  const reserve = Math.min(RESERVE.maxMs, budget.leftMs * RESERVE.share);
  const leftBehind: string[] = [];
  const step = async (name: string, maxMs: number, work: Promise<unknown> | undefined) => {
    try {
      if (work) await settledWithin(Math.max(1, maxMs), work);
    } catch (error) {
      leftBehind.push(name);
      logger.warn('A component did not stop in time', { part: name, error: String(error) });
    }
  };
  const { manager, processor, prompts, webhooks } = parts;
  let lastEnd: number | undefined;
  const noteEnd = () => {
    lastEnd = performance.now();
  };
  manager.events.subscribe('finished', noteEnd, 'here');
  manager.drain();
  for (const timer of parts.timers) timer.stop();
  const graceMs = Math.max(0, budget.leftMs - reserve);
  const unfinished = await processor.stop(graceMs, reserve * 0.2);
  const waiting = manager.runs.waiting();
  if (unfinished.length + waiting.length > 0) {
    logger.warn('Unfinished jobs at shutdown', { interrupted: unfinished, pending: waiting });
  }
  const sinceEnd = performance.now() - (lastEnd ?? Number.NEGATIVE_INFINITY);
  const fetching = sleep(Math.max(0, Math.min(fetchMs - sinceEnd, budget.leftMs - reserve)));
  // All at the same time: none of them waits for another, except for the sockets that cleanup may need.
  const restMs = budget.leftMs;
  const promptMs = Math.min(reserve, restMs) * 0.6;
  await Promise.all([
    step('webhooks', restMs, webhooks?.stop(Math.min(WEBHOOK_MAX_MS, restMs * 0.8))),
    step('metrics file', restMs, parts.metricsFile.stop()),
    // If the last metrics do not reach the other servers, the shutdown still counts as graceful.
    settledWithin(Math.max(1, restMs), parts.figures.stop()).catch(() => undefined),
    step(
      'stores',
      restMs,
      fetching.then(() => manager.stop()),
    ),
    step('workflow files', restMs, parts.keeper?.stop()),
    step('health checks', restMs, parts.checker.stop()),
    step('prompts', promptMs + reserve * 0.1, prompts.stop(promptMs)),
  ]);
  await step('connections', budget.leftMs, parts.connections.stop());
  // After the jobs that wrote to it, and as late as possible, for clients that fetch their results.
  await step('audit of files', budget.leftMs, parts.audit?.stop());
  await step('assets', budget.leftMs, parts.assetBlobs?.stop());
  await step('Redis', budget.leftMs, parts.redis?.stop());
  await parts.tracing.stop(Math.min(TRACES_MAX_MS, budget.leftMs));
  parts.fleet.stop();
  parts.state.close();
  return leftBehind;
}
