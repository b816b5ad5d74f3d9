import { isQueueAway, messageOf } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import { sleep } from '../../utils/timers.js';
import { graphNeedsOf } from '../../workflows/graphNeeds.js';
import type { WorkflowCatalogue } from '../../workflows/WorkflowCatalogue.js';
import { LeavePrompt } from '../comfyui/LeavePrompt.js';
import type { GraphMachines } from '../instances/GraphMachines.js';
import type { HealthChecker } from '../instances/HealthChecker.js';
import type { LoadBalancer } from '../instances/LoadBalancer.js';
import type { Scheduler } from '../instances/scheduling/Scheduler.js';
import type { Assignment, Outlook } from '../instances/scheduling/types.js';
import type { Taken } from '../queue/JobQueue.js';
import type { MachineUpdates } from '../queue/MachineUpdates.js';
import type { Tracing } from '../tracing/Tracing.js';
import type { AttemptJudge } from './AttemptJudge.js';
import { type ChosenSlot, Dispatcher, type Refusal, type Waiting } from './Dispatcher.js';
import { JobAbort, SHUTDOWN_FAILURE } from './failures.js';
import { type JobFailure, type ProcessingJob, sizesOfFiles } from './Job.js';
import type { JobManager } from './JobManager.js';
import type { JobRunner } from './JobRunner.js';
import { logFields } from './jobLog.js';
import type { SharedSlots } from './SharedSlots.js';
import { traceAttempt } from './traceAttempt.js';

export interface ProcessorOptions {
  /** undefined for what the machines allow. */
  readonly maxConcurrentJobs: number | undefined;
  /** Jobs that a machine takes at once where nothing else is said of it. */
  readonly maxJobsPerInstance: number;
  /** Between two polls, ms; a new job or a freed slot is acted on at once. */
  readonly pollIntervalMs: number;
  /** Time for the execution of a prompt, from the moment ComfyUI begins it, ms. */
  readonly jobTimeoutMs: number;
  /** Time for a prompt in ComfyUI's own queue while another instance has a place, ms; 0 for no limit. */
  readonly queueTimeoutMs: number;
}

/** Handing a job over takes several round trips to the queue. Stopping it takes one request to its machine. */
const HAND_OVER_FACTOR = 3;

/** Timers take no more. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Gives pending jobs to instances with a free slot. */
export class JobProcessor {
  readonly #manager: JobManager;
  readonly #runner: JobRunner;
  readonly #balancer: LoadBalancer;
  readonly #health: HealthChecker;
  readonly #judge: AttemptJudge;
  readonly #shared: SharedSlots | undefined;
  readonly #dispatcher: Dispatcher;
  readonly #clock: Clock;
  readonly #tracing: Tracing;
  readonly #options: ProcessorOptions;
  readonly #logger: Logger;
  /** Jobs that were taken from the queue, each with its way to be stopped. */
  readonly #active = new Map<string, AbortController>();
  #poll: NodeJS.Timeout | undefined;
  /** Until the next deadline of a waiting job. */
  #deadline: NodeJS.Timeout | undefined;
  /** Until no entry is taken from the queue any more. */
  #taking: Promise<void> | undefined;
  /** Something changed since the queue was asked. */
  #mayTakeMore = false;
  #hasQueueFailed = false;
  #whenIdle: Array<() => void> = [];

  constructor(
    parts: {
      manager: JobManager;
      runner: JobRunner;
      balancer: LoadBalancer;
      health: HealthChecker;
      judge: AttemptJudge;
      scheduler: Scheduler;
      /** To tell other servers about machines, where there are any. */
      updates: MachineUpdates | undefined;
      workflows: WorkflowCatalogue;
      graphs: Pick<GraphMachines, 'watch'>;
      clock: Clock;
      /** Where other servers have the same machines. */
      shared: SharedSlots | undefined;
      tracing: Tracing;
    },
    options: ProcessorOptions,
    logger: Logger,
  ) {
    this.#manager = parts.manager;
    this.#runner = parts.runner;
    this.#balancer = parts.balancer;
    this.#health = parts.health;
    this.#judge = parts.judge;
    this.#shared = parts.shared;
    this.#clock = parts.clock;
    this.#dispatcher = new Dispatcher(parts, () => this.#hasPlace && this.#balancer.hasFreeSlot);
    this.#tracing = parts.tracing;
    this.#options = options;
    this.#logger = logger;
    this.#manager.queue.onWaiting(() => this.wake());
    this.#manager.events.subscribe('finished', (job) => {
      if (job.status === 'cancelled') this.#active.get(job.id)?.abort(new JobAbort('cancelled'));
    });
    this.#balancer.onRelease(() => this.wake());
    this.#shared?.onFree(() => this.wake());
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
    return Math.max(1, Math.min(this.#balancer.capacity, this.#limit));
  }

  /** Jobs at the same time, as far as this server's settings go; at least 1. */
  get maxConcurrentJobs(): number {
    return this.#options.maxConcurrentJobs ?? Math.max(1, this.#balancer.fullCapacity);
  }

  get options(): ProcessorOptions {
    return this.#options;
  }

  /** Why a job waits, or why it was given to its machine; undefined where this server does not know. */
  scheduling(id: string): Outlook | Assignment | undefined {
    return this.#dispatcher.outlook(id) ?? this.#dispatcher.assignment(id);
  }

  /** What a job waits for; undefined where this server does not see it wait. */
  waiting(id: string): Waiting | undefined {
    return this.#dispatcher.waiting(id);
  }

  start(): void {
    this.#poll ??= setInterval(() => this.wake(), this.#options.pollIntervalMs);
    this.wake();
  }

  /**
   * Takes no further job, gives the running ones `graceMs`, then stops them. Their machines get `patienceMs` to say
   * that they did.
   * @returns ids of the jobs that were not done
   */
  async stop(graceMs: number, patienceMs: number): Promise<string[]> {
    clearInterval(this.#poll);
    clearTimeout(this.#deadline);
    this.#poll = undefined;
    const enough = new AbortController();
    await Promise.race([this.#idle(), sleep(graceMs, enough.signal)]);
    enough.abort();
    const unfinished = [...this.#active.keys()];
    const { isShared } = this.#manager;
    const reason = () => (isShared ? new LeavePrompt() : new JobAbort('shutdown'));
    for (const controller of this.#active.values()) controller.abort(reason());
    const noMorePatience = new AbortController();
    // What is left to others must be back in the queue before the connection to it ends.
    const ms = isShared ? HAND_OVER_FACTOR * patienceMs : patienceMs;
    await Promise.race([this.#idle(), sleep(ms, noMorePatience.signal)]);
    noMorePatience.abort();
    // What is still held is given to other servers when the hold ends.
    if (isShared) return unfinished;
    // Nobody is left waiting because a machine does not answer, or a store.
    const ended = Promise.all([...this.#active.keys()].map((id) => this.#manager.fail(id, SHUTDOWN_FAILURE)));
    await Promise.race([ended, sleep(patienceMs)]);
    return unfinished;
  }

  /** Looks for work soon, once for any number of calls in one turn. */
  wake(): void {
    this.#mayTakeMore = true;
    if (this.isRunning) this.#taking ??= this.#takeJobs();
  }

  async #idle(): Promise<void> {
    await this.#taking;
    if (this.#active.size > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  async #takeJobs(): Promise<void> {
    await Promise.resolve();
    try {
      while (this.#mayTakeMore) {
        this.#mayTakeMore = false;
        await this.#fillSlots();
      }
    } catch (error) {
      // Once for an outage: the next poll tries again.
      // The connection tells of its outages by itself.
      if (!this.#hasQueueFailed && !isQueueAway(error))
        this.#logger.error('No job can be taken from the queue', { error: messageOf(error) });
      this.#hasQueueFailed = true;
    } finally {
      this.#taking = undefined;
    }
  }

  async #fillSlots(): Promise<void> {
    while (this.isRunning && (this.#dispatcher.isOverdue || (this.#hasPlace && this.#balancer.hasFreeSlot))) {
      const taken = await this.#manager.queue.take(this.#dispatcher);
      if (taken) await this.#begin(taken);
      this.#hasQueueFailed = false;
      if (!taken) break;
    }
    this.#wakeAtDeadline();
  }

  #wakeAtDeadline(): void {
    clearTimeout(this.#deadline);
    const { nextDeadline } = this.#dispatcher;
    if (nextDeadline === undefined || !this.isRunning) return;
    // One that lies further ahead is found by polls.
    const ms = nextDeadline + 1 - this.#clock.now();
    if (ms <= MAX_TIMER_MS) this.#deadline = setTimeout(() => this.wake(), Math.max(1, ms));
  }

  get #limit(): number {
    return this.#options.maxConcurrentJobs ?? Number.POSITIVE_INFINITY;
  }

  get #hasPlace(): boolean {
    const jobs = this.#active.size;
    return jobs < this.#limit && (this.#shared?.hasPlaceBeside(jobs) ?? true);
  }

  /** Where servers share machines, the place must count for all of them first. An entry for which there is none waits again. */
  async #begin(taken: Taken<ChosenSlot | Refusal>): Promise<void> {
    const { chosen } = taken;
    if ('failure' in chosen) return void this.#refuse(taken, chosen.failure);
    if (!this.#shared) return void this.#process(taken, chosen);
    let slot: ChosenSlot | undefined;
    try {
      slot = await this.#shared.lease(chosen);
    } finally {
      if (slot) {
        slot.begun();
        void this.#process(taken, slot);
      } else await this.#manager.runs.settle(taken);
    }
  }

  /** Waiting is of no use any more. */
  async #refuse(taken: Taken<Refusal | ChosenSlot>, failure: JobFailure): Promise<void> {
    const { id } = taken.entry;
    try {
      await this.#manager.fail(id, failure);
    } catch (cause) {
      this.#logger.error('Processing a job went wrong', { jobId: id, error: messageOf(cause) });
    }
    await this.#manager.runs.settle(taken);
  }

  async #process(taken: Taken<ChosenSlot | Refusal>, slot: ChosenSlot): Promise<void> {
    const { id } = taken.entry;
    const controller = new AbortController();
    this.#active.set(id, controller);
    try {
      // Otherwise no attempt was made, so none is counted.
      const isReady = (await this.#health.ensureFresh(slot.instance)) && this.isRunning;
      const job = isReady ? await this.#manager.runs.begin(id, slot.instance.host) : undefined;
      if (job) await this.#run(job, slot, controller);
    } catch (error) {
      // An outage is told once, not for each job that goes back to the queue.
      const level = isQueueAway(error) ? 'debug' : 'error';
      this.#logger[level]('Processing a job went wrong', { jobId: id, error: messageOf(error) });
    } finally {
      slot.release();
      await this.#manager.runs.settle(taken);
      this.#active.delete(id);
      if (this.#active.size === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
      this.wake();
    }
  }

  async #run(job: ProcessingJob, slot: ChosenSlot, controller: AbortController): Promise<void> {
    this.#logger.debug('Job started', { ...logFields(job), attempts: job.attempts });
    const { jobTimeoutMs, queueTimeoutMs } = this.#options;
    const type = graphNeedsOf(job.request.workflow)?.key ?? job.request.type;
    const { largest } = sizesOfFiles(job.request);
    // Back to where it waited before, it would wait behind all who came meanwhile.
    const without = new Set([slot.instance.host, ...job.failedTries.map(({ instance }) => instance)]);
    const limits = {
      executionMs: jobTimeoutMs,
      queueMs: queueTimeoutMs,
      canMove: () => this.#balancer.hasPlaceBeside(without, type, largest),
    };
    const run = () => this.#runner.run(job, slot, limits, controller.signal);
    try {
      this.#judge.completed(await traceAttempt(this.#tracing, job, run));
    } catch (error) {
      await this.#judge.failed(job, slot, error, controller.signal);
    }
  }
}
