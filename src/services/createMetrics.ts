import type { Config } from '../config/index.js';
import type { Clock } from '../utils/clock.js';
import type { Logger } from '../utils/logger.js';
import { MetricsViews } from '../views/MetricsViews.js';
import type { WorkflowCatalogue } from '../workflows/WorkflowCatalogue.js';
import type { StoreDifference } from './assets/StoreComparison.js';
import { HealthReporter } from './health.js';
import type { Fleet } from './instances/fleet/Fleet.js';
import type { Instance } from './instances/Instance.js';
import type { LoadBalancer } from './instances/LoadBalancer.js';
import type { RemovedWorkflows } from './instances/RemovedWorkflows.js';
import type { Scheduler } from './instances/scheduling/Scheduler.js';
import type { Admission } from './jobs/Admission.js';
import type { JobManager } from './jobs/JobManager.js';
import type { JobProcessor } from './jobs/JobProcessor.js';
import { Figures } from './metrics/Figures.js';
import { FleetLoad } from './metrics/FleetLoad.js';
import { MetricsFile } from './metrics/MetricsFile.js';
import { Prometheus } from './metrics/Prometheus.js';
import { Recorder } from './metrics/Recorder.js';
import { RedisFigures } from './metrics/redis/RedisFigures.js';
import { Summary } from './metrics/Summary.js';
import type { RedisQueue } from './queue/redis/createRedisQueue.js';
import { createRequestCounts } from './sharedFactories.js';
import type { UploadBudget } from './submissions/UploadBudget.js';
import type { Webhooks } from './webhooks/Webhooks.js';

interface Parts {
  readonly manager: JobManager;
  readonly processor: JobProcessor;
  readonly admission: Admission;
  readonly instances: readonly Instance[];
  readonly fleet: Pick<Fleet, 'onGone'>;
  readonly balancer: LoadBalancer;
  readonly scheduler: Scheduler;
  readonly workflows: WorkflowCatalogue;
  readonly removed: RemovedWorkflows;
  readonly uploadBudget: UploadBudget;
  readonly webhooks: Webhooks | undefined;
  readonly redis: RedisQueue | undefined;
  /** Whether the connection to the queue works. */
  readonly isQueueAvailable: () => boolean;
  /** Whether the files of jobs can be read and stored. */
  readonly isStoreAvailable: () => boolean;
  /** The asset stores, if other servers use another one than this server. */
  readonly storeDifference: () => StoreDifference | undefined;
  readonly clock: Clock;
  /** For the minutes of rate limits. */
  readonly ownClock: Clock;
}

/** Creates what measures the server: metrics in JSON and for Prometheus, their file, health reports, and the log's summary. */
export function createMetrics(config: Config, parts: Parts, log: (component: string) => Logger) {
  const { manager, processor, instances, balancer, admission, workflows, redis, clock } = parts;
  const recorder = new Recorder(clock);
  const load = new FleetLoad({ ...parts, recorder }, config.jobs.scaleTargetMs);
  parts.fleet.onGone(({ host }) => load.forget(host));
  const prometheus = new Prometheus({ ...parts, load });
  manager.events.subscribe('finished', (job) => recorder.record(job), 'here');
  manager.events.subscribe('finished', (job) => prometheus.recordJob(job), 'here');
  const figures = new Figures({
    recorder,
    processor,
    instances,
    exchange: redis && new RedisFigures(redis.connection, redis.base, clock),
    clock,
    logger: log('metrics'),
  });
  const metricsFile = new MetricsFile(
    { file: config.metrics.file, intervalMs: config.metrics.intervalMs },
    recorder,
    clock,
    log('metrics'),
  );
  return {
    recorder,
    prometheus,
    figures,
    metrics: new MetricsViews({ figures, recorder, balancer, manager }, clock),
    metricsFile,
    summary: new Summary({ recorder, manager, processor, balancer }, log('summary')),
    requestCounts: createRequestCounts(redis, parts.ownClock, log('http')),
    health: new HealthReporter(
      {
        instances,
        manager,
        processor,
        recorder,
        admission,
        workflows,
        isQueueAvailable: parts.isQueueAvailable,
        hasQueueRefused: () => redis?.connection.hasRefused ?? false,
        removed: parts.removed,
        isStoreAvailable: parts.isStoreAvailable,
        storeDifference: parts.storeDifference,
      },
      clock,
    ),
  };
}
