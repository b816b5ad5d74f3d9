import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Instance } from '../instances/Instance.js';
import type { Admission } from '../jobs/Admission.js';
import { assignmentOf, type FinishedJob, outputsSize, processingDuration } from '../jobs/Job.js';
import type { JobManager } from '../jobs/JobManager.js';
import type { FleetLoad } from './FleetLoad.js';

const PREFIX = 'comfyui_middleware_';
/** From a cached run to the job timeout, seconds. */
const JOB_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600];
/** Seconds. */
const HTTP_BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 10, 30, 60, 300];
/** Pairs of a workflow and a node class that are told apart. */
const MAX_NODE_SERIES = 500;
const BREAKER_STATES = ['CLOSED', 'HALF_OPEN', 'OPEN'] as const;

/** An HTTP request that was answered. */
export interface AnsweredRequest {
  readonly method: string;
  /** The route's pattern, never the raw path: that would be a series a job. */
  readonly route: string;
  readonly code: number;
  readonly seconds: number;
}

/** The figures in Prometheus' text format. Counters begin at zero with each process, as Prometheus expects. */
export class Prometheus {
  readonly #registry = new Registry();
  readonly #jobs: Counter;
  readonly #errors: Counter;
  readonly #resultBytes: Counter;
  readonly #processing: Histogram;
  readonly #waiting: Histogram;
  readonly #nodeSeconds: Counter;
  readonly #nodeExecutions: Counter;
  readonly #nodeSeries = new Set<string>();
  readonly #requests: Counter;
  readonly #requestSeconds: Histogram;

  constructor(parts: {
    manager: JobManager;
    instances: readonly Instance[];
    admission: Admission;
    load: FleetLoad;
  }) {
    collectDefaultMetrics({ register: this.#registry });
    this.#jobs = this.#counter('jobs_total', 'Jobs that ended.', ['type', 'outcome']);
    this.#errors = this.#counter('job_errors_total', 'Jobs that failed.', ['category']);
    this.#resultBytes = this.#counter('result_bytes_total', 'Bytes of results.', ['type']);
    this.#processing = this.#histogram(
      'job_processing_seconds',
      'From the start of a completed job to its end.',
      ['type'],
      JOB_BUCKETS,
    );
    this.#waiting = this.#histogram(
      'job_waiting_seconds',
      'From acceptance to the start of the processing that ended the job.',
      ['type'],
      JOB_BUCKETS,
    );
    const nodeLabels = ['type', 'class_type'];
    this.#nodeSeconds = this.#counter(
      'node_seconds_total',
      'Seconds that nodes of completed jobs were at work.',
      nodeLabels,
    );
    this.#nodeExecutions = this.#counter(
      'node_executions_total',
      'Executions of nodes of completed jobs.',
      nodeLabels,
    );
    this.#requests = this.#counter('http_requests_total', 'HTTP requests that were answered.', [
      'method',
      'route',
      'code',
    ]);
    this.#requestSeconds = this.#histogram(
      'http_request_duration_seconds',
      'From a request to its answer.',
      ['route'],
      HTTP_BUCKETS,
    );
    this.#addQueue(parts.manager, parts.admission);
    this.#addInstances(parts.instances);
    this.#addLoad(parts.load);
  }

  /** MIME type of `text`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Everything, in the text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
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

  /** Clients may send any graph: the number of series has a bound. */
  #knownClass(type: string, classType: string): string {
    const key = JSON.stringify([type, classType]);
    if (!this.#nodeSeries.has(key) && this.#nodeSeries.size >= MAX_NODE_SERIES) return '(other)';
    this.#nodeSeries.add(key);
    return classType;
  }

  recordRequest({ method, route, code, seconds }: AnsweredRequest): void {
    this.#requests.inc({ method, route, code: String(code) });
    this.#requestSeconds.observe({ route }, seconds);
  }

  #addQueue({ figures }: JobManager, admission: Admission): void {
    this.#gauge('queue_jobs', 'Jobs that wait.', [], async (gauge) =>
      gauge.set((await figures.waiting()).jobs),
    );
    this.#gauge('queue_bytes', 'Bytes of the uploads that wait.', [], async (gauge) =>
      gauge.set((await figures.waiting()).bytes),
    );
    this.#gauge('queue_seconds', 'Seconds that the jobs that wait take with this fleet.', [], async (gauge) =>
      gauge.set(await admission.queueSeconds()),
    );
  }

  #addInstances(instances: readonly Instance[]): void {
    this.#gauge('jobs_in_flight', 'Jobs that an instance has.', ['instance'], (gauge) => {
      for (const { host, activeJobs } of instances) gauge.set({ instance: host }, activeJobs);
    });
    this.#gauge('instance_up', 'Whether an instance is healthy.', ['instance'], (gauge) => {
      for (const { host, isHealthy } of instances) gauge.set({ instance: host }, isHealthy ? 1 : 0);
    });
    this.#gauge('breaker_state', '1 for the state that a breaker is in.', ['instance', 'state'], (gauge) => {
      for (const { host, breaker } of instances) {
        for (const state of BREAKER_STATES) {
          gauge.set({ instance: host, state }, breaker.state === state ? 1 : 0);
        }
      }
    });
  }

  #addLoad(load: FleetLoad): void {
    const workflowHelp =
      'Seconds until the machines that can run a workflow are through with its jobs that wait.';
    // A workflow of which nothing waits any more has no line, and a machine that is gone has none.
    this.#gauge('workflow_queue_seconds', workflowHelp, ['type'], (gauge) => {
      gauge.reset();
      for (const [type, seconds] of load.queueSeconds()) gauge.set({ type }, seconds);
    });
    this.#gauge(
      'wanted_machines',
      'Machines that execute the jobs that wait within SCALE_TARGET.',
      [],
      (gauge) => gauge.set(load.wantedMachines()),
    );
    const idleHelp =
      'Seconds since an instance that is healthy had a job, or a prompt of others; 0 while it has.';
    this.#gauge('instance_idle_seconds', idleHelp, ['comfyui_instance'], (gauge) => {
      gauge.reset();
      for (const [host, seconds] of load.idleSeconds()) gauge.set({ comfyui_instance: host }, seconds);
    });
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name: PREFIX + name, help, labelNames, registers: [this.#registry] });
  }

  #histogram(name: string, help: string, labelNames: string[], buckets: number[]): Histogram {
    return new Histogram({ name: PREFIX + name, help, labelNames, buckets, registers: [this.#registry] });
  }

  #gauge(
    name: string,
    help: string,
    labelNames: string[],
    set: (gauge: Gauge) => void | Promise<void>,
  ): void {
    new Gauge({
      name: PREFIX + name,
      help,
      labelNames,
      registers: [this.#registry],
      async collect() {
        await set(this);
      },
    });
  }
}
