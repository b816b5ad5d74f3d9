import { AppError, messageOf, PromptError } from '../../errors.js';
import type { ErrorCategory } from '../../promptFailures.js';
import type { Logger } from '../../utils/logger.js';
import { sleep } from '../../utils/timers.js';
import type { HealthChecker } from '../instances/HealthChecker.js';
import type { Instance } from '../instances/Instance.js';
import type { JobVerdicts } from '../instances/JobVerdicts.js';
import type { LoadBalancer, Slot } from '../instances/LoadBalancer.js';
import { anotherAttempt, failureOf, JobAbort, SHUTDOWN_FAILURE } from './failures.js';
import { type ProcessingJob, sizesOfFiles } from './Job.js';
import type { JobManager } from './JobManager.js';
import type { JobRunner } from './JobRunner.js';
import { logFields } from './jobLog.js';
import type { QueueEntry } from './PendingQueue.js';

export interface ProcessorOptions {
  readonly maxConcurrentJobs: number;
  /** Between two polls, ms; a new job or a freed slot is acted on at once. */
  readonly pollIntervalMs: number;
  /** Time for the execution of a prompt, from the moment ComfyUI begins it, ms. */
  readonly jobTimeoutMs: number;
  /** Time for a prompt in ComfyUI's own queue while another instance has a place, ms; 0 for no limit. */
  readonly queueTimeoutMs: number;
  readonly maxAttempts: number;
}

/** Gives pending jobs to instances with a free slot, and decides what a failure means. */
export class JobProcessor {
  readonly #manager: JobManager;
  readonly #runner: JobRunner;
  readonly #balancer: LoadBalancer;
  readonly #health: HealthChecker;
  readonly #verdicts: JobVerdicts;
  readonly #options: ProcessorOptions;
  readonly #logger: Logger;
  /** Jobs that were taken from the queue, each with its way to be stopped. */
  readonly #active = new Map<string, AbortController>();
  #poll: NodeJS.Timeout | undefined;
  #wakeScheduled = false;
  #whenIdle: Array<() => void> = [];

  constructor(
    parts: {
      manager: JobManager;
      runner: JobRunner;
      balancer: LoadBalancer;
      health: HealthChecker;
      verdicts: JobVerdicts;
    },
    options: ProcessorOptions,
    logger: Logger,
  ) {
    this.#manager = parts.manager;
    this.#runner = parts.runner;
    this.#balancer = parts.balancer;
    this.#health = parts.health;
    this.#verdicts = parts.verdicts;
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

  /** Jobs that can be processed at the same time, at present; at least 1. */
  get slots(): number {
    const { healthyCount, maxPerInstance } = this.#balancer;
    return Math.max(1, Math.min(healthyCount * maxPerInstance, this.#options.maxConcurrentJobs));
  }

  get options(): ProcessorOptions {
    return this.#options;
  }

  start(): void {
    this.#poll ??= setInterval(() => this.#takeJobs(), this.#options.pollIntervalMs);
    this.wake();
  }

  /**
   * Takes no further job, gives the running ones `graceMs`, then stops them. Their machines get `patienceMs` to say
   * that they did.
   * @returns ids of the jobs that were not done
   */
  async stop(graceMs: number, patienceMs: number): Promise<string[]> {
    clearInterval(this.#poll);
    this.#poll = undefined;
    const enough = new AbortController();
    await Promise.race([this.#idle(), sleep(graceMs, enough.signal)]);
    enough.abort();
    const unfinished = [...this.#active.keys()];
    for (const controller of this.#active.values()) controller.abort(new JobAbort('shutdown'));
    const noMorePatience = new AbortController();
    await Promise.race([this.#idle(), sleep(patienceMs, noMorePatience.signal)]);
    noMorePatience.abort();
    // Nobody is left waiting because a machine does not answer, or a store.
    const ended = Promise.all([...this.#active.keys()].map((id) => this.#manager.fail(id, SHUTDOWN_FAILURE)));
    await Promise.race([ended, sleep(patienceMs)]);
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
    /** Bytes of the smallest largest file of a new job that found no place, by type: smaller ones may go elsewhere. */
    const unplaceable = new Map<string, number>();
    for (const entry of this.#manager.queue.entries()) {
      if (!this.isRunning || this.#active.size >= this.#options.maxConcurrentJobs) return;
      if (!this.#balancer.hasFreeSlot) return;
      const isNew = entry.tried.size === 0;
      if (isNew && entry.largest >= (unplaceable.get(entry.type) ?? Number.POSITIVE_INFINITY)) continue;
      const slot = this.#balancer.acquire(entry.type, entry.largest, entry.tried);
      if (slot) void this.#process(entry, slot);
      else if (this.#balancer.isTooLarge(entry.type, entry.largest)) void this.#refuse(entry);
      else if (isNew) unplaceable.set(entry.type, entry.largest);
    }
  }

  /** No instance accepts the upload, so that waiting is of no use. */
  async #refuse(entry: QueueEntry): Promise<void> {
    this.#manager.queue.remove(entry.id);
    const error = new PromptError('upload too large', 'No ComfyUI instance accepts an upload of this size.');
    try {
      await this.#manager.fail(entry.id, failureOf(error));
    } catch (cause) {
      this.#logger.error('Processing a job went wrong', { jobId: entry.id, error: messageOf(cause) });
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
    const { jobTimeoutMs, queueTimeoutMs } = this.#options;
    const { type } = job.request;
    const { largest } = sizesOfFiles(job.request);
    // Back to where it waited before, it would wait behind all who came meanwhile.
    const without = new Set([slot.instance.host, ...job.failedTries.map(({ instance }) => instance)]);
    const limits = {
      executionMs: jobTimeoutMs,
      queueMs: queueTimeoutMs,
      canMove: () => this.#balancer.hasPlaceBeside(without, type, largest),
    };
    try {
      const instance = await this.#runner.run(job, slot, limits, controller.signal);
      this.#health.reportSuccess(instance);
      this.#verdicts.completed(instance);
    } catch (error) {
      await this.#onFailure(job, slot, error, controller.signal);
    }
  }

  async #onFailure(job: ProcessingJob, slot: Slot, error: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted) {
      const wasCancelled = signal.reason instanceof JobAbort && signal.reason.kind === 'cancelled';
      if (!wasCancelled) await this.#manager.fail(job.id, SHUTDOWN_FAILURE);
      return;
    }
    if (error instanceof PromptError) {
      await this.#learnFrom(error, job, slot.instance);
      const because = anotherAttempt(error, job, slot.isTrial, this.#options.maxAttempts);
      if (because) {
        this.#logger.warn('Attempt failed, job is retried', {
          ...logFields(job),
          attempts: job.attempts,
          category: error.category,
          failure: error.failure,
          error: error.message,
        });
        await this.#manager.requeue(job.id, because);
        return;
      }
    }
    if (!(error instanceof AppError)) {
      const stack = error instanceof Error ? error.stack : String(error);
      this.#logger.error('Unexpected error in a job', { ...logFields(job), stack });
    }
    await this.#manager.fail(job.id, failureOf(error));
  }

  /** What a failure says of the machine. */
  async #learnFrom(error: PromptError, job: ProcessingJob, instance: Instance): Promise<void> {
    const { blame, category } = error.verdict;
    if (error.failure === 'several machines') {
      this.#health.reportSeveralMachines(instance, error);
    } else if (blame === 'machine' && isContactFailure(category)) {
      this.#health.reportFailure(instance, error);
    } else {
      this.#health.reportSuccess(instance);
      const mayBeMachines = blame === 'machine' || blame === 'unclear';
      if (mayBeMachines) this.#verdicts.failed(instance, job.id, blame === 'machine', error);
    }
    if (error.failure === 'upload too large') {
      await this.#health.reportTooLarge(instance, error.sentBytes ?? sizesOfFiles(job.request).largest);
    }
    if (error.failure === 'out of memory') await this.#freeMemory(job, instance);
  }

  /** A machine that is out of memory may keep models and results that nobody needs. */
  async #freeMemory(job: ProcessingJob, instance: Instance): Promise<void> {
    try {
      await instance.client.freeMemory();
    } catch (error) {
      this.#logger.warn('ComfyUI could not be asked to free its memory', {
        ...logFields(job),
        error: messageOf(error),
      });
    }
  }
}

/** The machine could not be reached, or did not answer as ComfyUI does. */
function isContactFailure(category: ErrorCategory): boolean {
  return category.startsWith('connection_') || category === 'instance_unavailable';
}
