import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import { MAX_TIMER_MS } from '../../utils/timers.js';
import type { WorkflowCatalogue } from '../../workflows/WorkflowCatalogue.js';
import type { GraphMachines } from '../instances/GraphMachines.js';
import type { HealthChecker } from '../instances/HealthChecker.js';
import type { LoadBalancer } from '../instances/LoadBalancer.js';
import type { Scheduler } from '../instances/scheduling/Scheduler.js';
import type { Assignment, Outlook } from '../instances/scheduling/types.js';
import type { MachineUpdates } from '../queue/MachineUpdates.js';
import type { Tracing } from '../tracing/Tracing.js';
import { ActiveJobs } from './ActiveJobs.js';
import type { AttemptJudge } from './AttemptJudge.js';
import { Dispatcher, type Waiting } from './Dispatcher.js';
import type { FleetComparison } from './FleetComparison.js';
import { IdleLook } from './IdleLook.js';
import type { JobManager } from './JobManager.js';
import type { JobRunner } from './JobRunner.js';
import { QueuePace } from './QueuePace.js';
import type { SharedSlots } from './SharedSlots.js';
import { TakeFailures } from './TakeFailures.js';
import { type AttemptLimits, TakenJobs } from './TakenJobs.js';

export interface ProcessorOptions extends AttemptLimits {
  /** Undefined to use what the machines allow. */
  readonly maxConcurrentJobs: number | undefined;
  /** Concurrent jobs per machine, unless set for the machine. */
  readonly maxJobsPerInstance: number;
  /** Poll interval, ms; new jobs and freed slots are handled at once. */
  readonly pollIntervalMs: number;
}

/** Assigns pending jobs to instances with a free slot. */
export class JobProcessor {
  readonly #manager: JobManager;
  readonly #balancer: LoadBalancer;
  readonly #shared: SharedSlots | undefined;
  readonly #dispatcher: Dispatcher;
  /** How fast pending jobs are executed. */
  readonly pace: QueuePace;
  readonly #idleLook: IdleLook;
  readonly #clock: Clock;
  readonly #isStoreAvailable: () => boolean;
  readonly #options: ProcessorOptions;
  readonly #active: ActiveJobs;
  readonly #taken: TakenJobs;
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
      /** Whether another server may have a machine that this one does not know. */
      comparison: Pick<FleetComparison, 'isComplete' | 'compare' | 'onComplete'>;
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
    const hooks = { isRunning: () => this.isRunning, wake: () => this.wake() };
    this.#taken = new TakenJobs({ ...parts, active: this.#active, ...hooks }, options, logger);
    this.#balancer = parts.balancer;
    this.#shared = parts.shared;
    this.#clock = parts.clock;
    this.pace = new QueuePace(parts, () => this.#limit);
    this.#dispatcher = new Dispatcher(parts, () => this.#hasPlace && this.#balancer.hasFreeSlot);
    this.#idleLook = new IdleLook(this.#manager.queue, this.#dispatcher, () => this.wake());
    this.#isStoreAvailable = parts.isStoreAvailable;
    this.#failures = new TakeFailures(parts.isQueueAvailable, logger);
    this.#options = options;
    this.#manager.queue.onWaiting(() => this.wake());
    this.#balancer.onRelease(() => this.wake());
    this.#shared?.onFree(() => this.wake());
    parts.health.onHealthy(() => this.wake());
    parts.comparison.onComplete(() => this.wake());
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
      if (taken) await this.#taken.begin(taken);
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
}
