import type { Counter, Histogram } from 'prom-client';
import type { ErrorCode } from '../../errors.js';
import { ERROR_CATEGORIES } from '../../promptFailures.js';
import { version } from '../../version.js';
import type { WorkflowCatalogue } from '../../workflows/WorkflowCatalogue.js';
import type { Instance } from '../instances/Instance.js';
import { assignmentOf, type FinishedJob, outputsSize, processingDuration } from '../jobs/Job.js';
import type { WebhookFigures } from '../webhooks/Webhooks.js';
import { exportInstances } from './exportInstances.js';
import { exportLimits, type LimitedParts } from './exportLimits.js';
import { exportLoad } from './exportLoad.js';
import { exportWebhooks } from './exportWebhooks.js';
import type { FleetLoad } from './FleetLoad.js';
import { PrometheusRegistry } from './PrometheusRegistry.js';

/** Seconds, from a cached run to the job timeout. */
const JOB_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600];
/** Seconds. */
const HTTP_BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 10, 30, 60, 300];
/** Maximum number of workflow and node class pairs. */
const MAX_NODE_SERIES = 500;
const OUTCOMES = ['completed', 'failed', 'cancelled'] as const;
/** Errors that are not about the request itself: no room, no machine, or too many requests. */
const REFUSALS: readonly ErrorCode[] = [
  'RATE_LIMITED',
  'QUEUE_FULL',
  'QUEUE_UNAVAILABLE',
  'NO_HEALTHY_INSTANCES',
  'SHUTTING_DOWN',
];

/** An HTTP request that got its response. */
export interface AnsweredRequest {
  readonly method: string;
  /** The pattern of the route. The raw path would create a series per job. */
  readonly route: string;
  readonly code: number;
  /** Only for an error response. */
  readonly errorCode: ErrorCode | undefined;
  readonly seconds: number;
}

interface Parts extends LimitedParts {
  readonly instances: readonly Instance[];
  readonly load: FleetLoad;
  readonly workflows: Pick<WorkflowCatalogue, 'all'>;
  /** `undefined` without webhooks. */
  readonly webhooks: { readonly figures: WebhookFigures } | undefined;
}

/** Metrics in the Prometheus text format. Counters start at zero with each process, as Prometheus expects. */
export class Prometheus {
  readonly #registry = new PrometheusRegistry();
  readonly #workflows: Parts['workflows'];
  readonly #jobs: Counter;
  readonly #errors: Counter;
  readonly #resultBytes: Counter;
  readonly #processing: Histogram;
  readonly #waiting: Histogram;
  readonly #nodeSeconds: Counter;
  readonly #nodeExecutions: Counter;
  readonly #nodeSeries = new Set<string>();
  readonly #requests: Counter;
  /** `http_requests_total` has a new series for each route, whose first 500 is no increase for Prometheus. */
  readonly #internalErrors: Counter;
  readonly #refused: Counter;
  readonly #requestSeconds: Histogram;

  constructor({ instances, workflows, webhooks, load, ...limited }: Parts) {
    const registry = this.#registry;
    this.#workflows = workflows;
    registry.gauge(
      {
        name: 'build_info',
        help: '1, with the version of the server and of Node.',
        labels: ['version', 'node'],
      },
      () => [{ labels: { version, node: process.versions.node }, value: 1 }],
    );
    this.#jobs = registry.counter({
      name: 'jobs_total',
      help: 'Jobs that ended.',
      labels: ['type', 'outcome'],
    });
    this.#errors = registry.counter({
      name: 'job_errors_total',
      help: 'Jobs that failed.',
      labels: ['category'],
    });
    this.#resultBytes = registry.counter({
      name: 'result_bytes_total',
      help: 'Bytes of results.',
      labels: ['type'],
    });
    this.#processing = registry.histogram(
      {
        name: 'job_processing_seconds',
        help: 'From the start of a completed job to its end.',
        labels: ['type'],
      },
      JOB_BUCKETS,
    );
    this.#waiting = registry.histogram(
      {
        name: 'job_waiting_seconds',
        help: 'From acceptance to the start of the processing that ended the job.',
        labels: ['type'],
      },
      JOB_BUCKETS,
    );
    this.#nodeSeconds = registry.counter({
      name: 'node_seconds_total',
      help: 'Seconds that nodes of completed jobs were at work.',
      labels: ['type', 'class_type'],
    });
    this.#nodeExecutions = registry.counter({
      name: 'node_executions_total',
      help: 'Executions of nodes of completed jobs.',
      labels: ['type', 'class_type'],
    });
    this.#requests = registry.counter({
      name: 'http_requests_total',
      help: 'HTTP requests that were answered.',
      labels: ['method', 'route', 'code'],
    });
    this.#internalErrors = registry.counter({
      name: 'http_internal_errors_total',
      help: 'HTTP requests that were answered with 500.',
    });
    this.#refused = registry.counter({
      name: 'http_requests_refused_total',
      help: 'HTTP requests that were refused because of a limit, or for want of machines.',
      labels: ['code'],
    });
    this.#requestSeconds = registry.histogram(
      { name: 'http_request_duration_seconds', help: 'From a request to its answer.', labels: ['route'] },
      HTTP_BUCKETS,
    );
    exportLimits(registry, limited);
    exportInstances(registry, instances);
    exportLoad(registry, load);
    exportWebhooks(registry, webhooks && (() => webhooks.figures));
    for (const code of REFUSALS) this.#refused.inc({ code }, 0);
    for (const category of ERROR_CATEGORIES) this.#errors.inc({ category }, 0);
  }

  /** MIME type of `text`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Returns all metrics in the text format. */
  text(): Promise<string> {
    // A series must exist before its first increment: Prometheus sees no increase in a first value.
    for (const { type } of this.#workflows.all()) {
      for (const outcome of OUTCOMES) this.#jobs.inc({ type, outcome }, 0);
    }
    return this.#registry.text();
  }

  recordJob(job: FinishedJob): void {
    const { type } = job.request;
    this.#jobs.inc({ type, outcome: job.status });
    if (job.status === 'cancelled') return;
    const assignment = assignmentOf(job);
    if (assignment) {
      this.#waiting.observe({ type }, (assignment.processingStartTime - job.createdTime) / 1000);
    }
    if (job.status === 'failed') {
      this.#errors.inc({ category: job.failure.category });
      return;
    }
    this.#processing.observe({ type }, (processingDuration(job) ?? 0) / 1000);
    this.#resultBytes.inc({ type }, outputsSize(job));
    for (const { classType, ms } of job.result.nodeTimes ?? []) {
      const labels = { type, class_type: this.#knownClass(type, classType) };
      this.#nodeSeconds.inc(labels, ms / 1000);
      this.#nodeExecutions.inc(labels);
    }
  }

  /** Limits the number of series, because clients can send any graph. */
  #knownClass(type: string, classType: string): string {
    const key = JSON.stringify([type, classType]);
    if (!this.#nodeSeries.has(key) && this.#nodeSeries.size >= MAX_NODE_SERIES) return '(other)';
    this.#nodeSeries.add(key);
    return classType;
  }

  recordRequest({ method, route, code, errorCode, seconds }: AnsweredRequest): void {
    this.#requests.inc({ method, route, code: String(code) });
    if (code === 500) this.#internalErrors.inc();
    if (errorCode !== undefined && REFUSALS.includes(errorCode)) this.#refused.inc({ code: errorCode });
    this.#requestSeconds.observe({ route }, seconds);
  }
}
