import { isQueueAway, messageOf } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import { MAX_TIMER_MS } from '../../utils/timers.js';
import { jobNeedsOf } from '../../workflows/graphNeeds.js';
import type { WorkflowCatalogue } from '../../workflows/WorkflowCatalogue.js';
import type { GraphMachines } from '../instances/GraphMachines.js';
import type { HealthChecker } from '../instances/HealthChecker.js';
import type { LoadBalancer } from '../instances/LoadBalancer.js';
import type { Scheduler } from '../instances/scheduling/Scheduler.js';
import type { Assignment, Outlook } from '../instances/scheduling/types.js';
import type { Taken } from '../queue/JobQueue.js';
import type { MachineUpdates } from '../queue/MachineUpdates.js';
import type { Tracing } from '../tracing/Tracing.js';
import { ActiveJobs } from './ActiveJobs.js';
import type { AttemptJudge } from './AttemptJudge.js';
import { type ChosenSlot, Dispatcher, type Refusal, type Waiting } from './Dispatcher.js';
import { DEADLINE_EXCEEDED } from './failures.js';
import { IdleLook } from './IdleLook.js';
import { type JobFailure, type ProcessingJob, sizesOfFiles } from './Job.js';
import type { JobManager } from './JobManager.js';
import { JobPlace } from './JobPlace.js';
import type { JobRunner } from './JobRunner.js';
import { logFields } from './jobLog.js';
import { QueuePace } from './QueuePace.js';
import type { SharedSlots } from './SharedSlots.js';
import { TakeFailures } from './TakeFailures.js';
import { traceAttempt } from './traceAttempt.js';

export interface ProcessorOptions {
  /** Undefined to use what the machines allow. */
  readonly maxConcurrentJobs: number | undefined;
  /** Concurrent jobs per machine, unless set for the machine. */
  readonly maxJobsPerInstance: number;
  /** Poll interval, ms; new jobs and freed slots are handled at once. */
  readonly pollIntervalMs: number;
  /** Time limit for the execution of a prompt, from its start in ComfyUI, ms. */
  readonly jobTimeoutMs: number;
  /** Time limit for a prompt in ComfyUI's own queue while another instance has a free slot, ms; 0 for no limit. */
  readonly queueTimeoutMs: number;
}

/** Assigns pending jobs to instances with a free slot. */
export class JobProcessor {
  readonly #manager: JobManager;
  readonly #runner: JobRunner;
  readonly #balancer: LoadBalancer;
  readonly #health: HealthChecker;
  readonly #judge: AttemptJudge;
  readonly #shared: SharedSlots | undefined;
  readonly #dispatcher: Dispatcher;
  /** How fast pending jobs are executed. */
  readonly pace: QueuePace;
  readonly #idleLook: IdleLook;
  readonly #clock: Clock;
  readonly #tracing: Tracing;
  readonly #isStoreAvailable: () => boolean;
  readonly #options: ProcessorOptions;
  readonly #logger: Logger;
  readonly #active: ActiveJobs;
  #poll: NodeJS.Timeout | undefined;
  /** Fires at the next deadline of a waiting job. */
  #deadline: NodeJS.Timeout | undefined;
  /** Settles when no more entries are taken from the queue. */
  #taking: Promise<void> | undefined;
  /** Something has changed since the last request to the queue. */
  #mayTakeMore = false;
  readonly #failures: TakeFailures;

  constructor(
    parts: {
      manager: JobManager;
      runner: JobRunner;
      balancer: LoadBalancer;
      health: HealthChecker;
      judge: AttemptJudge;
      scheduler: Scheduler;
      /** Sends updates about machines to other servers, if there are any. */
      updates: MachineUpdates | undefined;
      workflows: WorkflowCatalogue;
      graphs: Pick<GraphMachines, 'enter' | 'leave'>;
      clock: Clock;
      /** Only if other servers share the machines. */
      shared: SharedSlots | undefined;
      tracing: Tracing;
      /** Whether the connection to the queue works. */
      isQueueAvailable: () => boolean;
      /** Whether the files of jobs can be read and stored. */
      isStoreAvailable: () => boolean;
    },
    options: ProcessorOptions,
    logger: Logger,
  ) {
    this.#manager = parts.manager;
    this.#active = new ActiveJobs(parts.manager);
    this.#runner = parts.runner;
    this.#balancer = parts.balancer;
    this.#health = parts.health;
    this.#judge = parts.judge;
    this.#shared = parts.shared;
    this.#clock = parts.clock;
    this.pace = new QueuePace(parts, () => this.#limit);
    this.#dispatcher = new Dispatcher(parts, () => this.#hasPlace && this.#balancer.hasFreeSlot);
    this.#idleLook = new IdleLook(this.#manager.queue, this.#dispatcher, () => this.wake());
    this.#tracing = parts.tracing;
    this.#isStoreAvailable = parts.isStoreAvailable;
    this.#failures = new TakeFailures(parts.isQueueAvailable, logger);
    this.#options = options;
    this.#logger = logger;
    this.#manager.queue.onWaiting(() => this.wake());
    this.#balancer.onRelease(() => this.wake());
    this.#shared?.onFree(() => this.wake());
    this.#health.onHealthy(() => this.wake());
  }

  get isRunning(): boolean {
    return this.#poll !== undefined;
  }

  /** Whether no job could be taken for some time, although the queue is available. */
  get isFailingToTake(): boolean {
    return this.#failures.isContinuing;
  }

  get activeJobs(): number {
    return this.#active.size;
  }

  /** Maximum number of concurrent jobs by this server's settings; at least 1. */
  get maxConcurrentJobs(): number {
    return this.#options.maxConcurrentJobs ?? Math.max(1, this.#balancer.fullCapacity);
  }

  get options(): ProcessorOptions {
    return this.#options;
  }

  /** Why a job waits, or why it was assigned to its machine; undefined if this server does not know. */
  scheduling(id: string): Outlook | Assignment | undefined {
    return this.#dispatcher.outlook(id) ?? this.#dispatcher.assignment(id);
  }

  /** What a job waits for; undefined if this server does not see it waiting. */
  waiting(id: string): Waiting | undefined {
    const waiting = this.#dispatcher.waiting(id);
    // The scheduler expects that all machines run jobs.
    return waiting && this.pace.isLimited ? { ...waiting, expectedMs: undefined } : waiting;
  }

  start(): void {
    this.#poll ??= setInterval(() => this.wake(), this.#options.pollIntervalMs);
    this.wake();
  }

  /**
   * Takes no more jobs, waits `graceMs` for the running ones, then stops them. Waits at most `patienceMs` for their machines to
   * confirm.
   * @returns ids of the unfinished jobs
   */
  async stop(graceMs: number, patienceMs: number): Promise<string[]> {
    clearInterval(this.#poll);
    clearTimeout(this.#deadline);
    this.#idleLook.stop();
    this.#poll = undefined;
    return this.#active.stop(graceMs, patienceMs, this.#taking);
  }

  /** Checks for work soon, once for any number of calls in one turn. */
  wake(): void {
    this.#mayTakeMore = true;
    if (this.isRunning) this.#taking ??= this.#takeJobs();
  }

  async #takeJobs(): Promise<void> {
    await Promise.resolve();
    try {
      while (this.#mayTakeMore) {
        this.#mayTakeMore = false;
        await this.#fillSlots();
      }
    } catch (error) {
      // The next poll tries again.
      this.#failures.add(error);
    } finally {
      this.#taking = undefined;
    }
  }

  async #fillSlots(): Promise<void> {
    let hasAsked = false;
    while (this.isRunning && (this.#dispatcher.isOverdue || (this.#hasPlace && this.#balancer.hasFreeSlot))) {
      const taken = await this.#manager.queue.take(this.#dispatcher);
      if (taken) await this.#begin(taken);
      this.#failures.end();
      this.#idleLook.noteTaking();
      hasAsked = true;
      if (!taken) break;
    }
    if (!hasAsked && this.isRunning && (await this.#idleLook.look())) this.#failures.end();
    this.#wakeAtDeadline();
  }

  #wakeAtDeadline(): void {
    clearTimeout(this.#deadline);
    const { nextDeadline } = this.#dispatcher;
    if (nextDeadline === undefined || !this.isRunning) return;
    // Polling finds a deadline that is further away.
    const ms = nextDeadline + 1 - this.#clock.now();
    if (ms <= MAX_TIMER_MS) this.#deadline = setTimeout(() => this.wake(), Math.max(1, ms));
  }

  get #limit(): number {
    return this.#options.maxConcurrentJobs ?? Number.POSITIVE_INFINITY;
  }

  get #hasPlace(): boolean {
    const jobs = this.#active.size;
    // A job cannot begin without its files. Polling finds the end of the outage.
    return this.#isStoreAvailable() && jobs < this.#limit && (this.#shared?.hasPlaceBeside(jobs) ?? true);
  }

  /**
   * Starts a job. If servers share machines, the slot must be leased from all of them first; without a lease, the entry returns
   * to the queue.
   */
  async #begin(taken: Taken<ChosenSlot | Refusal>): Promise<void> {
    const { chosen } = taken;
    if ('failure' in chosen) return void this.#refuse(taken, chosen.failure);
    let slot: ChosenSlot | undefined;
    try {
      slot = this.#shared ? await this.#shared.lease(chosen) : chosen;
    } finally {
      if (slot) {
        slot.begin();
        void this.#process(taken, slot);
      } else await this.#manager.runs.settle(taken);
    }
  }

  /**
   * Fails a job for which waiting does not help. If it has begun, the entry is an old one that came back: the server that held it is
   * gone, or was paused. Then the job continues.
   */
  async #refuse(taken: Taken<Refusal | ChosenSlot>, failure: JobFailure): Promise<void> {
    const { id } = taken.entry;
    const attempt = this.#active.begin(id);
    try {
      await attempt.ready;
      if (failure === DEADLINE_EXCEEDED) await this.#manager.expire(id, failure);
      else await this.#manager.fail(id, failure);
    } catch (cause) {
      this.#logger.error('Processing a job went wrong', { jobId: id, error: messageOf(cause) });
    } finally {
      await this.#manager.runs.settle(taken);
      attempt.end();
    }
  }

  async #process(taken: Taken<ChosenSlot | Refusal>, slot: ChosenSlot): Promise<void> {
    const { id } = taken.entry;
    const attempt = this.#active.begin(id);
    const place = new JobPlace(slot);
    try {
      await attempt.ready;
      // Otherwise there was no attempt, so none is counted.
      const isReady = (await this.#health.ensureFresh(slot.instance)) && this.isRunning;
      const job = isReady ? await this.#manager.runs.begin(id, slot.instance.host) : undefined;
      if (job) await this.#run(job, place, attempt.signal);
    } catch (error) {
      // An outage is logged once, not for each job that returns to the queue.
      const level = isQueueAway(error) ? 'debug' : 'error';
      this.#logger[level]('Processing a job went wrong', { jobId: id, error: messageOf(error) });
    } finally {
      place.slot.release();
      await this.#manager.runs.settle(taken);
      attempt.end();
      this.wake();
    }
  }

  async #run(job: ProcessingJob, place: JobPlace, signal: AbortSignal): Promise<void> {
    this.#logger.debug('Job started', { ...logFields(job), attempts: job.attempts });
    const { jobTimeoutMs, queueTimeoutMs } = this.#options;
    const type = jobNeedsOf(job.request)?.key ?? job.request.type;
    const { largest } = sizesOfFiles(job.request);
    // On a machine where it has waited before, it would now be behind all newer prompts.
    const before = job.failedTries.map(({ instance }) => instance);
    const limits = {
      executionMs: jobTimeoutMs,
      queueMs: queueTimeoutMs,
      canMove: () => this.#balancer.hasPlaceBeside(new Set([place.instance.host, ...before]), type, largest),
    };
    const run = () => this.#runner.run(job, place, limits, signal);
    try {
      await traceAttempt(this.#tracing, job, run);
      this.#judge.completed(place.instance, job);
    } catch (error) {
      await this.#judge.failed(job, place.slot, error, signal);
    }
  }
}
