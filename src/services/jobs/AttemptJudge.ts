import { AppError, messageOf, PromptError } from '../../errors.js';
import { isContactFailure, isOfServer } from '../../promptFailures.js';
import type { Logger } from '../../utils/logger.js';
import { jobNeedsOf } from '../../workflows/graphNeeds.js';
import { LeavePrompt } from '../comfyui/LeavePrompt.js';
import type { GpuFaults } from '../instances/GpuFaults.js';
import type { HealthChecker } from '../instances/HealthChecker.js';
import type { Instance } from '../instances/Instance.js';
import type { Cause, JobOrigin, JobVerdicts } from '../instances/JobVerdicts.js';
import type { Slot } from '../instances/LoadBalancer.js';
import { anotherAttempt, failureOf, JobAbort, SHUTDOWN_FAILURE } from './failures.js';
import { type ProcessingJob, sizesOfFiles } from './Job.js';
import type { JobManager } from './JobManager.js';
import { logFields } from './jobLog.js';

interface Parts {
  readonly manager: JobManager;
  readonly health: HealthChecker;
  readonly gpuFaults: GpuFaults;
  readonly verdicts: JobVerdicts;
}

/** Decides the consequences of an attempt's end, for the job and for its machine. */
export class AttemptJudge {
  readonly #manager: JobManager;
  readonly #health: HealthChecker;
  readonly #gpuFaults: GpuFaults;
  readonly #verdicts: JobVerdicts;
  readonly #maxAttempts: number;
  readonly #logger: Logger;

  /** @param maxAttempts maximum attempts of a job */
  constructor({ manager, health, gpuFaults, verdicts }: Parts, maxAttempts: number, logger: Logger) {
    this.#manager = manager;
    this.#health = health;
    this.#gpuFaults = gpuFaults;
    this.#verdicts = verdicts;
    this.#maxAttempts = maxAttempts;
    this.#logger = logger;
  }

  /** @param instance the machine that made the result */
  completed(instance: Instance, job: ProcessingJob): void {
    this.#health.reportSuccess(instance);
    this.#verdicts.completed(instance, originOf(job));
  }

  /**
   * Handles a failed attempt: the job fails, or becomes pending again.
   * @param slot where the prompt was
   * @param signal of the attempt: a stopped attempt says nothing about the job or the machine
   */
  async failed(job: ProcessingJob, slot: Slot, error: unknown, signal: AbortSignal): Promise<void> {
    // Another server has the job, or it has ended.
    if (error instanceof LeavePrompt && !signal.aborted) return;
    if (signal.aborted) return this.#stopped(job, signal);
    // Whoever has the job now may have used up its prompt: the machine is not at fault.
    if (await this.#manager.runs.isLost(job.id)) return;
    if (error instanceof PromptError && (await this.#learnAndRetry(error, job, slot))) return;
    if (!(error instanceof AppError)) {
      const stack = error instanceof Error ? error.stack : String(error);
      this.#logger.error('Unexpected error in a job', { ...logFields(job), stack });
    }
    await this.#manager.failAttempt(job, failureOf(error));
  }

  async #stopped(job: ProcessingJob, { reason }: AbortSignal): Promise<void> {
    if (reason instanceof LeavePrompt) return this.#manager.runs.handOver(job.id);
    const hasEnded = reason instanceof JobAbort && reason.kind === 'ended';
    if (!hasEnded) await this.#manager.failAttempt(job, SHUTDOWN_FAILURE);
  }

  /** Learns from a failure. @returns whether the job became pending again */
  async #learnAndRetry(error: PromptError, job: ProcessingJob, slot: Slot): Promise<boolean> {
    // A failure on a machine whose GPU was broken by another job's prompt counts like one in a trial.
    const isTrial = slot.isTrial || slot.instance.health.problem?.kind === 'GPU fault';
    const isOurs = isOfServer(error.failure);
    if (!isOurs) await this.#learnFrom(error, job, slot.instance);
    const because = anotherAttempt(error, job, isTrial, this.#maxAttempts);
    if (!because) return false;
    // An outage is logged once, not for each job that returns to the queue.
    this.#logger[isOurs ? 'debug' : 'warn']('Attempt failed, job is retried', {
      ...logFields(job),
      instance: slot.instance.host,
      attempts: job.attempts,
      category: error.category,
      failure: error.failure,
      error: error.message,
    });
    await this.#manager.runs.requeue(job.id, because);
    return true;
  }

  /** Updates the health of the machine. */
  async #learnFrom(error: PromptError, job: ProcessingJob, instance: Instance): Promise<void> {
    const { blame, category } = error.verdict;
    if (error.failure === 'several machines') {
      this.#health.reportSeveralMachines(instance, error);
    } else if (error.needsRestart) {
      this.#health.reportSuccess(instance);
      this.#gpuFaults.report(instance, error.message);
    } else if (blame === 'machine' && isContactFailure(category)) {
      this.#health.reportFailure(instance, error);
    } else {
      this.#health.reportSuccess(instance);
      const mayBeMachines = blame === 'machine' || blame === 'unclear';
      if (mayBeMachines) this.#verdicts.failed(instance, originOf(job), causeOf(error), error);
    }
    if (error.failure === 'upload too large') {
      await this.#health.reportTooLarge(instance, error.sentBytes ?? sizesOfFiles(job.request).largest);
    }
    if (error.failure === 'out of memory') await this.#freeMemory(job, instance);
  }

  /** A machine that is out of memory may keep models and results that are no longer needed. */
  async #freeMemory(job: ProcessingJob, instance: Instance): Promise<void> {
    try {
      await instance.client.freeMemory();
    } catch (error) {
      this.#logger.warn('ComfyUI could not be asked to free its memory', {
        ...logFields(job),
        instance: instance.host,
        error: messageOf(error),
      });
    }
  }
}

function causeOf({ failure, verdict }: PromptError): Cause {
  if (failure === 'ran too long') return 'timeout';
  return verdict.blame === 'machine' ? 'machine' : 'unclear';
}

function originOf({ id, request }: ProcessingJob): JobOrigin {
  const workflow = jobNeedsOf(request)?.key ?? request.type;
  return { job: id, client: request.client ?? request.owner ?? '', workflow };
}
