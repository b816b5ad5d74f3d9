import { isQueueAway, messageOf } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';
import { jobNeedsOf } from '../../workflows/graphNeeds.js';
import type { HealthChecker } from '../instances/HealthChecker.js';
import type { LoadBalancer } from '../instances/LoadBalancer.js';
import type { Taken } from '../queue/JobQueue.js';
import type { Tracing } from '../tracing/Tracing.js';
import type { ActiveJobs } from './ActiveJobs.js';
import type { AttemptJudge } from './AttemptJudge.js';
import type { ChosenSlot, Refusal } from './Dispatcher.js';
import type { FleetComparison } from './FleetComparison.js';
import { DEADLINE_EXCEEDED } from './failures.js';
import { type JobFailure, type ProcessingJob, sizesOfFiles } from './Job.js';
import { JobHold } from './JobHold.js';
import type { JobManager } from './JobManager.js';
import { JobPlace } from './JobPlace.js';
import type { JobRunner } from './JobRunner.js';
import { logFields } from './jobLog.js';
import type { SharedSlots } from './SharedSlots.js';
import { traceAttempt } from './traceAttempt.js';

/** Time limits of a prompt. */
export interface AttemptLimits {
  /** For the execution, from its start in ComfyUI, ms. */
  readonly jobTimeoutMs: number;
  /** In ComfyUI's own queue while another instance has a free slot, ms; 0 for no limit. */
  readonly queueTimeoutMs: number;
}

interface Parts {
  readonly manager: JobManager;
  readonly runner: JobRunner;
  readonly balancer: LoadBalancer;
  readonly health: HealthChecker;
  readonly judge: AttemptJudge;
  /** Only if other servers share the machines. */
  readonly shared: SharedSlots | undefined;
  readonly tracing: Tracing;
  readonly active: ActiveJobs;
  /** Whether another server has a machine that this one does not know. */
  readonly comparison: Pick<FleetComparison, 'compare'>;
  /** Whether jobs may start. */
  isRunning(): boolean;
  /** Called when a job has left its slot. */
  wake(): void;
}

/** Runs the jobs whose entries were taken from the queue, and ends the hold of each entry. */
export class TakenJobs {
  readonly #parts: Parts;
  readonly #limits: AttemptLimits;
  readonly #logger: Logger;

  constructor(parts: Parts, limits: AttemptLimits, logger: Logger) {
    this.#parts = parts;
    this.#limits = limits;
    this.#logger = logger;
  }

  /**
   * Starts a job. If servers share machines, the slot must be leased from all of them first; without a lease, the entry returns
   * to the queue.
   */
  async begin(taken: Taken<ChosenSlot | Refusal>): Promise<void> {
    const { chosen } = taken;
    if ('failure' in chosen) return void this.#refuse(taken, chosen.failure);
    let slot: ChosenSlot | undefined;
    try {
      slot = this.#parts.shared ? await this.#parts.shared.lease(chosen) : chosen;
    } finally {
      if (slot) {
        slot.begin();
        void this.#process(taken, slot);
      } else await this.#parts.manager.runs.settle(taken);
    }
  }

  /**
   * Fails a job for which waiting does not help. If it has begun, the entry is an old one that came back: the server that held it is
   * gone, or was paused. Then the job continues.
   */
  async #refuse(taken: Taken<Refusal | ChosenSlot>, failure: JobFailure): Promise<void> {
    const { id } = taken.entry;
    const attempt = this.#parts.active.begin(id);
    try {
      await attempt.ready;
      const { manager, comparison } = this.#parts;
      if (failure === DEADLINE_EXCEEDED) await manager.expire(id, failure);
      // Otherwise the entry returns to the queue, for a server that knows more machines.
      else if (await comparison.compare()) await manager.fail(id, failure);
    } catch (error) {
      this.#onError(id, error);
    } finally {
      await this.#parts.manager.runs.settle(taken);
      attempt.end();
    }
  }

  async #process(taken: Taken<ChosenSlot | Refusal>, slot: ChosenSlot): Promise<void> {
    const { id } = taken.entry;
    const attempt = this.#parts.active.begin(id);
    const place = new JobPlace(slot);
    try {
      await attempt.ready;
      // Otherwise there was no attempt, so none is counted.
      const isReady = (await this.#parts.health.ensureFresh(slot.instance)) && this.#parts.isRunning();
      const job = isReady ? await this.#parts.manager.runs.begin(id, slot.instance.host) : undefined;
      if (job) await this.#run(job, place, taken, attempt.signal);
    } catch (error) {
      this.#onError(id, error);
    } finally {
      place.slot.release();
      await this.#parts.manager.runs.settle(taken);
      attempt.end();
      this.#parts.wake();
    }
  }

  async #run(
    job: ProcessingJob,
    place: JobPlace,
    { renew }: Taken<ChosenSlot | Refusal>,
    signal: AbortSignal,
  ): Promise<void> {
    this.#logger.debug('Job started', { ...logFields(job), attempts: job.attempts });
    const { jobTimeoutMs, queueTimeoutMs } = this.#limits;
    const type = jobNeedsOf(job.request)?.key ?? job.request.type;
    const { largest } = sizesOfFiles(job.request);
    // On a machine where it has waited before, it would now be behind all newer prompts.
    const before = job.failedTries.map(({ instance }) => instance);
    const limits = {
      executionMs: jobTimeoutMs,
      queueMs: queueTimeoutMs,
      canMove: () =>
        this.#parts.balancer.hasPlaceBeside(new Set([place.instance.host, ...before]), type, largest),
    };
    const { isShared, runs } = this.#parts.manager;
    const hold = isShared ? new JobHold(runs, job, renew) : undefined;
    const run = () => this.#parts.runner.run(job, place, { limits, hold }, signal);
    try {
      await traceAttempt(this.#parts.tracing, job, run);
      this.#parts.judge.completed(place.instance, job);
    } catch (error) {
      await this.#parts.judge.failed(job, place.slot, error, signal);
    } finally {
      hold?.isOver();
    }
  }

  /** An outage is logged once, not for each job that returns to the queue. */
  #onError(jobId: string, error: unknown): void {
    const level = isQueueAway(error) ? 'debug' : 'error';
    this.#logger[level]('Processing a job went wrong', { jobId, error: messageOf(error) });
  }
}
