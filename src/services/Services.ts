import type { Store } from 'express-rate-limit';
import type { Clock } from '../utils/clock.js';
import type { KeyRing } from '../utils/KeyRing.js';
import type { Logger } from '../utils/logger.js';
import type { TimeBudget } from '../utils/TimeBudget.js';
import type { Turns } from '../utils/turns.js';
import type { JobViews } from '../views/JobViews.js';
import type { MetricsViews } from '../views/MetricsViews.js';
import type { WorkflowCatalogue } from '../workflows/WorkflowCatalogue.js';
import type { ClientAssets } from './assets/ClientAssets.js';
import type { ConnectionManager } from './comfyui/ConnectionManager.js';
import type { HealthReporter } from './health.js';
import type { Thumbnails } from './images/Thumbnails.js';
import type { BreakerSwitch } from './instances/BreakerSwitch.js';
import type { Fleet } from './instances/fleet/Fleet.js';
import type { MachineDesk } from './instances/fleet/MachineDesk.js';
import type { HealthChecker } from './instances/HealthChecker.js';
import type { Instance } from './instances/Instance.js';
import type { LoadBalancer } from './instances/LoadBalancer.js';
import type { Scheduler } from './instances/scheduling/Scheduler.js';
import type { WorkflowNeeds } from './instances/WorkflowNeeds.js';
import type { Admission } from './jobs/Admission.js';
import type { StreamStore } from './jobs/BlobStore.js';
import type { DurationEstimates } from './jobs/estimates.js';
import type { IdempotencyKeys } from './jobs/IdempotencyKeys.js';
import type { JobManager } from './jobs/JobManager.js';
import type { JobMessages } from './jobs/JobMessages.js';
import type { JobProcessor } from './jobs/JobProcessor.js';
import type { LiveJobs } from './jobs/LiveJobs.js';
import type { MetricsFile } from './metrics/MetricsFile.js';
import type { Prometheus } from './metrics/Prometheus.js';
import type { Recorder } from './metrics/Recorder.js';
import type { NativeApi } from './native/NativeApi.js';
import type { GraphSubmissions } from './submissions/GraphSubmissions.js';
import type { Submissions } from './submissions/Submissions.js';
import type { UploadBudget } from './submissions/UploadBudget.js';
import type { Tracing } from './tracing/Tracing.js';
import type { Webhooks } from './webhooks/Webhooks.js';

/** What the server is made of. */
export interface Services {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whoever has one of these may use the server. */
  readonly keys: KeyRing;
  readonly turns: Turns;
  /** Aborted when the ports close: event streams and sockets then end. */
  readonly closing: AbortController;
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
   * @param fetchMs time after the end of the last job in which its result can still be fetched, if the budget allows it
   * @returns names of the parts that did not stop in time
   */
  stop(budget?: TimeBudget, fetchMs?: number): Promise<string[]>;
}
