import { AppError, messageOf, PromptError } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';
import { sleep } from '../../utils/timers.js';
import type { HealthChecker } from '../instances/HealthChecker.js';
import type { LoadBalancer, Slot } from '../instances/LoadBalancer.js';
import type { JobFailure, ProcessingJob } from './Job.js';
import type { JobManager } from './JobManager.js';
import type { JobRunner } from './JobRunner.js';
import { logFields } from './jobLog.js';
import type { QueueEntry } from './PendingQueue.js';

export interface ProcessorOptions {
  readonly maxConcurrentJobs: number;
  /** Between two polls, ms; a new job or a freed slot is acted on at once. */
  readonly pollIntervalMs: number;
  /** Processing time after which a job is stopped, ms. */
  readonly jobTimeoutMs: number;
  readonly maxAttempts: number;
}

/** Why a running job is stopped; the reason that its abort signal carries. */
class JobAbort extends Error {
  readonly kind: 'cancelled' | 'timeout' | 'shutdown';

  constructor(kind: JobAbort['kind']) {
    super(`The job was stopped: ${kind}.`);
    this.kind = kind;
  }
}

/** Gives pending jobs to instances with a free slot, and decides what a failure means. */
export class JobProcessor {
  readonly #manager: JobManager;
  readonly #runner: JobRunner;
  readonly #balancer: LoadBalancer;
  readonly #health: HealthChecker;
  readonly #options: ProcessorOptions;
  readonly #logger: Logger;
  /** Jobs that were taken from the queue, each with its way to be stopped. */
  readonly #active = new Map<string, AbortController>();
  #poll: NodeJS.Timeout | undefined;
  #wakeScheduled = false;
  #whenIdle: Array<() => void> = [];

  constructor(
    parts: { manager: JobManager; runner: JobRunner; balancer: LoadBalancer; health: HealthChecker },
    options: ProcessorOptions,
    logger: Logger,
  ) {
    this.#manager = parts.manager;
    this.#runner = parts.runner;
    this.#balancer = parts.balancer;
    this.#health = parts.health;
    this.#options = options;
    this.#logger = logger;
    this.#manager.events.onPending(() => this.wake());
    this.#manager.events.onFinished((job) => {
      if (job.status === 'cancelled') this.#active.get(job.id)?.abort(new JobAbort('cancelled'));
    });
    this.#balancer.onRelease(() => this.wake());
    this.#health.onHealthy(() => this.wake());
  }

  get isRunning(): boolean {
    return this.#poll !== undefined;
  }

  get activeJobs(): number {
    return this.#active.size;
  }

  get options(): ProcessorOptions {
    return this.#options;
  }

  start(): void {
    this.#poll ??= setInterval(() => this.#takeJobs(), this.#options.pollIntervalMs);
    this.wake();
  }

  /**
   * Takes no further job, gives the running ones `graceMs`, then stops them.
   * @returns ids of the jobs that were not done
   */
  async stop(graceMs: number): Promise<string[]> {
    clearInterval(this.#poll);
    this.#poll = undefined;
    const enough = new AbortController();
    await Promise.race([this.#idle(), sleep(graceMs, enough.signal)]);
    enough.abort();
    const unfinished = [...this.#active.keys()];
    for (const controller of this.#active.values()) controller.abort(new JobAbort('shutdown'));
    await this.#idle();
    return unfinished;
  }

  /** Looks for work soon, once for any number of calls in one turn. */
  wake(): void {
    if (this.#wakeScheduled || !this.isRunning) return;
    this.#wakeScheduled = true;
    queueMicrotask(() => {
      this.#wakeScheduled = false;
      this.#takeJobs();
    });
  }

  async #idle(): Promise<void> {
    if (this.#active.size > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  #takeJobs(): void {
    const unplaceable = new Set<string>();
    for (const entry of this.#manager.queue.entries()) {
      if (!this.isRunning || this.#active.size >= this.#options.maxConcurrentJobs) return;
      if (!this.#balancer.hasFreeSlot) return;
      if (entry.tried.size === 0 && unplaceable.has(entry.type)) continue;
      const slot = this.#balancer.acquire(entry.type, entry.tried);
      if (slot) void this.#process(entry, slot);
      else unplaceable.add(entry.type);
    }
  }

  async #process(entry: QueueEntry, slot: Slot): Promise<void> {
    const controller = new AbortController();
    this.#manager.queue.remove(entry.id);
    this.#active.set(entry.id, controller);
    try {
      if (!(await this.#health.ensureFresh(slot.instance)) || !this.isRunning) {
        // No attempt was made, so none is counted.
        await this.#manager.putBack(entry.id);
        return;
      }
      const job = await this.#manager.begin(entry.id, slot.instance.host);
      if (job) await this.#run(job, slot, controller);
    } catch (error) {
      this.#logger.error('Processing a job went wrong', { jobId: entry.id, error: messageOf(error) });
    } finally {
      this.#active.delete(entry.id);
      slot.release();
      if (this.#active.size === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
      this.wake();
    }
  }

  async #run(job: ProcessingJob, slot: Slot, controller: AbortController): Promise<void> {
    this.#logger.debug('Job started', { ...logFields(job), attempts: job.attempts });
    const timeout = setTimeout(() => controller.abort(new JobAbort('timeout')), this.#options.jobTimeoutMs);
    try {
      await this.#runner.run(job, slot, controller.signal);
      this.#health.reportSuccess(slot.instance);
    } catch (error) {
      await this.#onFailure(job, slot, error, controller.signal);
    } finally {
      clearTimeout(timeout);
    }
  }

  async #onFailure(job: ProcessingJob, slot: Slot, error: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted) {
      const kind = signal.reason instanceof JobAbort ? signal.reason.kind : 'shutdown';
      if (kind !== 'cancelled') await this.#manager.fail(job.id, this.#abortFailure(kind));
      return;
    }
    if (error instanceof PromptError) {
      if (isInstanceFault(error)) this.#health.reportFailure(slot.instance, error);
      else this.#health.reportSuccess(slot.instance);
      if (error.retryable && job.attempts < this.#options.maxAttempts) {
        this.#logger.warn('Job goes to another try', {
          ...logFields(job),
          attempts: job.attempts,
          category: error.category,
          error: error.message,
        });
        await this.#manager.requeue(job.id);
        return;
      }
    }
    if (!(error instanceof AppError)) {
      const stack = error instanceof Error ? error.stack : String(error);
      this.#logger.error('Unexpected error in a job', { ...logFields(job), stack });
    }
    await this.#manager.fail(job.id, failureOf(error));
  }

  #abortFailure(kind: 'timeout' | 'shutdown'): JobFailure {
    if (kind === 'shutdown') {
      return {
        message: 'The server was shut down before the job was done.',
        code: 'SHUTTING_DOWN',
        category: 'internal',
        details: undefined,
      };
    }
    return {
      message: `The job took longer than ${this.#options.jobTimeoutMs / 1000} seconds and was stopped.`,
      code: 'JOB_TIMEOUT',
      category: 'processing_timeout',
      details: undefined,
    };
  }
}

/** Failures that tell something about the machine, not about the prompt. */
function isInstanceFault(error: PromptError): boolean {
  return error.category.startsWith('connection_') || error.category === 'instance_unavailable';
}

/** What a client reads of an error: a prompt's with its category, unknown ones only by name. */
function failureOf(error: unknown): JobFailure {
  if (error instanceof PromptError) {
    const { message, code, category, details } = error;
    return { message, code, category, details: { category, ...details } };
  }
  if (error instanceof AppError) {
    return { message: error.message, code: error.code, category: 'internal', details: error.details };
  }
  return {
    message: 'An internal error occurred.',
    code: 'INTERNAL_ERROR',
    category: 'internal',
    details: undefined,
  };
}
