import { AppError, isQueueAway } from '../errors.js';
import type { Clock } from '../utils/clock.js';
import type { WorkflowCatalogue } from '../workflows/WorkflowCatalogue.js';
import type { StoreDifference } from './assets/StoreComparison.js';
import type { Instance } from './instances/Instance.js';
import { lackWords } from './instances/lackWords.js';
import type { RemovedWorkflows } from './instances/RemovedWorkflows.js';
import type { Admission } from './jobs/Admission.js';
import type { JobManager } from './jobs/JobManager.js';
import type { JobProcessor } from './jobs/JobProcessor.js';
import type { Recorder } from './metrics/Recorder.js';

type HealthState = 'healthy' | 'degraded' | 'critical';

export interface HealthReport {
  readonly state: HealthState;
  /** Problems, in words. */
  readonly issues: readonly string[];
}

const STORE_UNAVAILABLE = 'The asset store is not available.';
const DIFFERENT_STORES = 'Servers with the same queue use different asset stores';
const QUEUE_REFUSED = 'Redis refused commands in the last minute: the log has the errors and the keys.';
const QUEUE_WARNING = 0.8;
const FAILURE_WARNING = 0.2;
/** Below this number of jobs, a rate means nothing. */
const ENOUGH_JOBS = 10;
/** `Retry-After` of a server that accepts no jobs, seconds. */
const RETRY_SECONDS = 2;
/** Minutes of jobs that count as recent. */
const RECENT_MINUTES = 15;

/** Judges the health of the whole server, from memory and from the fill level of the queue. */
export class HealthReporter {
  readonly #instances: readonly Instance[];
  readonly #manager: JobManager;
  readonly #processor: JobProcessor;
  readonly #recorder: Recorder;
  readonly #admission: Admission;
  readonly #workflows: Pick<WorkflowCatalogue, 'problems' | 'get'>;
  readonly #removed: Pick<RemovedWorkflows, 'get'>;
  readonly #isQueueAvailable: () => boolean;
  readonly #hasQueueRefused: () => boolean;
  readonly #isStoreAvailable: () => boolean;
  readonly #storeDifference: () => StoreDifference | undefined;
  readonly #clock: Clock;

  constructor(
    parts: {
      instances: readonly Instance[];
      manager: JobManager;
      processor: JobProcessor;
      recorder: Recorder;
      admission: Admission;
      workflows: Pick<WorkflowCatalogue, 'problems' | 'get'>;
      removed: Pick<RemovedWorkflows, 'get'>;
      /** Whether jobs can be accepted and recorded. */
      isQueueAvailable: () => boolean;
      /** Whether the queue recently refused something that only an operator can repair. */
      hasQueueRefused: () => boolean;
      /** Whether the files of jobs can be read and stored. */
      isStoreAvailable: () => boolean;
      /** The asset stores, if other servers use another one than this server. */
      storeDifference: () => StoreDifference | undefined;
    },
    clock: Clock,
  ) {
    this.#instances = parts.instances;
    this.#manager = parts.manager;
    this.#processor = parts.processor;
    this.#recorder = parts.recorder;
    this.#admission = parts.admission;
    this.#workflows = parts.workflows;
    this.#removed = parts.removed;
    this.#isQueueAvailable = parts.isQueueAvailable;
    this.#hasQueueRefused = parts.hasQueueRefused;
    this.#isStoreAvailable = parts.isStoreAvailable;
    this.#storeDifference = parts.storeDifference;
    this.#clock = clock;
  }

  get uptimeMs(): number {
    return this.#clock.now() - this.#recorder.startedAt;
  }

  /** @param isForStrangers hides addresses of machines and the content of files */
  async report(isForStrangers = false): Promise<HealthReport> {
    const critical = this.#criticalIssues();
    const issues = [...critical, ...(await this.#warnings(isForStrangers))];
    return { state: critical.length > 0 ? 'critical' : issues.length > 0 ? 'degraded' : 'healthy', issues };
  }

  /**
   * Checks whether this server can accept a job, regardless of the machines: jobs can wait for those. No I/O.
   * @throws AppError `SHUTTING_DOWN`, `QUEUE_UNAVAILABLE`
   */
  checkReady(): void {
    const retryAfterSeconds = RETRY_SECONDS;
    if (this.#manager.isDraining)
      throw new AppError('SHUTTING_DOWN', 'The server is shutting down.', { retryAfterSeconds });
    if (!this.#isQueueAvailable())
      throw new AppError('QUEUE_UNAVAILABLE', 'The queue is not available.', { retryAfterSeconds });
    if (!this.#isStoreAvailable())
      throw new AppError('QUEUE_UNAVAILABLE', STORE_UNAVAILABLE, { retryAfterSeconds });
    if (!this.#processor.isRunning)
      throw new AppError('QUEUE_UNAVAILABLE', 'The job processor is not running.', { retryAfterSeconds });
  }

  #criticalIssues(): string[] {
    const issues: string[] = [];
    if (this.#manager.isDraining) issues.push('The server is shutting down.');
    else if (!this.#processor.isRunning) issues.push('The job processor is not running.');
    if (!this.#isQueueAvailable()) issues.push('The queue is not available.');
    if (this.#processor.isFailingToTake) issues.push('No job can be taken from the queue.');
    if (!this.#isStoreAvailable()) issues.push(STORE_UNAVAILABLE);
    if (!this.#instances.some((instance) => instance.isHealthy)) {
      issues.push('No ComfyUI instance is healthy.');
    }
    return issues;
  }

  async #warnings(isForStrangers: boolean): Promise<string[]> {
    const workflowOf = (type: string) => this.#workflows.get(type) ?? this.#removed.get(type);
    const issues = this.#instances.flatMap((instance) =>
      isForStrangers
        ? issuesOf(instance, instance.address.id, instance.missingNodes)
        : issuesOf(instance, instance.host, lackWords(instance, workflowOf)),
    );
    for (const { file, message } of this.#workflows.problems()) {
      issues.push(
        isForStrangers ? 'A workflow file is invalid.' : `Workflow file ${file} is invalid: ${message}`,
      );
    }
    const difference = this.#storeDifference();
    if (difference) {
      const places = [difference.own, ...difference.others].join(', ');
      issues.push(isForStrangers ? `${DIFFERENT_STORES}.` : `${DIFFERENT_STORES}: ${places}.`);
    }
    const { completed, failed } = this.#recorder.last(RECENT_MINUTES);
    if (completed + failed >= ENOUGH_JOBS && failed / (completed + failed) > FAILURE_WARNING) {
      issues.push(`${failed} of the last ${completed + failed} jobs failed.`);
    }
    if (!this.#isQueueAvailable()) return issues;
    const queueUsage = await this.#queueUsage();
    if (queueUsage > QUEUE_WARNING) issues.push(`The queue is ${Math.round(queueUsage * 100)} % full.`);
    if (this.#hasQueueRefused()) issues.push(QUEUE_REFUSED);
    return issues;
  }

  /** 0 if it cannot be read: the report names the reason. */
  async #queueUsage(): Promise<number> {
    try {
      return await this.#admission.queueUsage();
    } catch (error) {
      if (!isQueueAway(error)) throw error;
      return 0;
    }
  }
}

/**
 * @param name of the instance in the issues
 * @param lacks what it lacks, in words
 */
function issuesOf(instance: Instance, name: string, lacks: readonly string[]): string[] {
  const issues: string[] = [];
  const { isHealthy, breaker, health } = instance;
  if (breaker.isForced) issues.push(`Instance ${name} was taken out of service manually.`);
  else if (health.problem) {
    issues.push(`Instance ${name} gets no jobs: ${health.problem.reason}.`.replace(/\.\.$/, '.'));
  } else if (health.isWarming) issues.push(`Instance ${name} is warming up.`);
  else if (!isHealthy) issues.push(`Instance ${name} is unhealthy.`);
  if (isHealthy && lacks.length > 0) issues.push(`Instance ${name} lacks ${lacks.join(', ')}.`);
  return issues;
}
