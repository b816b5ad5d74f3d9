import type { Config } from '../config.js';
import { type Clock } from '../utils/clock.js';
import type { Logger } from '../utils/logger.js';
import { Turns } from '../utils/turns.js';
import type { Workflow } from '../workflows/types.js';
import type { ConnectionManager, ConnectionOptions } from './comfyui/ConnectionManager.js';
import type { FollowTimings } from './comfyui/PromptFollower.js';
import { HealthReporter } from './health.js';
import { HealthChecker, type HealthOptions } from './instances/HealthChecker.js';
import type { Instance } from './instances/Instance.js';
import { LoadBalancer } from './instances/LoadBalancer.js';
import { Admission } from './jobs/Admission.js';
import { DurationEstimates } from './jobs/estimates.js';
import { IdempotencyKeys } from './jobs/IdempotencyKeys.js';
import { JobManager } from './jobs/JobManager.js';
import { JobProcessor } from './jobs/JobProcessor.js';
import { type BlobStore, type JobStore } from './jobs/stores.js';
import { MetricsFile } from './metrics/MetricsFile.js';
import { Prometheus } from './metrics/Prometheus.js';
import { Recorder } from './metrics/Recorder.js';
import { MetricsViews } from './metrics/views.js';
import type { Webhooks, WebhookTimings } from './webhooks/Webhooks.js';
declare const WEBHOOK_TIMINGS: WebhookTimings & {
    timeoutMs: number;
};
/** What a test, or a program with other needs, may put in place of the defaults. */
export interface ServiceOverrides {
    readonly clock?: Clock;
    readonly workflows?: readonly Workflow[];
    readonly jobStore?: JobStore;
    readonly blobStore?: BlobStore;
    readonly follow?: Partial<FollowTimings>;
    readonly health?: Partial<HealthOptions>;
    readonly connections?: Partial<ConnectionOptions>;
    readonly webhooks?: Partial<typeof WEBHOOK_TIMINGS>;
}
export interface Services {
    readonly clock: Clock;
    readonly logger: Logger;
    readonly turns: Turns;
    readonly workflows: readonly Workflow[];
    readonly instances: readonly Instance[];
    readonly connections: ConnectionManager;
    readonly balancer: LoadBalancer;
    readonly manager: JobManager;
    readonly processor: JobProcessor;
    readonly estimates: DurationEstimates;
    readonly admission: Admission;
    readonly idempotencyKeys: IdempotencyKeys;
    /** undefined where there is no secret to sign them with. */
    readonly webhooks: Webhooks | undefined;
    readonly recorder: Recorder;
    readonly health: HealthReporter;
    readonly checker: HealthChecker;
    readonly metrics: MetricsViews;
    readonly metricsFile: MetricsFile;
    readonly prometheus: Prometheus;
    /** Checks the instances once and starts the processor. */
    start(): Promise<void>;
    /** Refuses new jobs, gives the running ones their time, closes every socket and timer. */
    stop(): Promise<void>;
}
/** Builds the graph of services, once, in reading order. Nothing runs before `start`. */
export declare function createServices(config: Config, logger: Logger, overrides?: ServiceOverrides): Services;
export {};
