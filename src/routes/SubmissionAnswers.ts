import type { Request, Response } from 'express';
import type { z } from 'zod';
import { AppError } from '../errors.js';
import type { anySyncAnswer, asyncAnswer } from '../schemas/jobs.js';
import type { Services } from '../services/index.js';
import { RESTART_SECONDS } from '../services/jobs/Admission.js';
import type { CompletedJob, Job } from '../services/jobs/Job.js';
import { toIso, toSeconds } from '../utils/clock.js';
import { jobUrls, warningsOf } from '../views/JobViews.js';
import { outputsView } from '../views/outputViews.js';
import type { Workflow } from '../workflows/types.js';
import { type ResultSender, wantsBytes } from './sendResult.js';

interface AnswerParts {
  readonly services: Pick<Services, 'manager' | 'clock' | 'views'>;
  readonly sender: ResultSender;
  /** Maximum time that a client waits, ms. */
  readonly syncTimeoutMs: number;
}

/** The responses to a submission: accepted, the result, or the error without a result. */
export class SubmissionAnswers {
  readonly #parts: AnswerParts;

  constructor(parts: AnswerParts) {
    this.#parts = parts;
  }

  /** Sends 202, with the URLs of the job. */
  async accepted(response: Response, workflow: Workflow, job: Job): Promise<void> {
    const { services } = this.#parts;
    const { position, ms } =
      job.status === 'pending' ? await services.views.pendingEstimate(job) : { position: 0, ms: 0 };
    const urls = jobUrls(job.id);
    const body: z.input<typeof asyncAnswer> = {
      job_id: job.id,
      status: job.status,
      message: `${workflow.title}: job accepted.`,
      estimated_completion_time: toIso(services.clock.now() + ms),
      estimated_completion_time_seconds: toSeconds(ms),
      queue_position: position,
      ...urls,
      ...warningsOf(job),
    };
    response.status(202).location(urls.status_url).json(body);
  }

  /** Sends 200, with the result: as JSON, or as the image if `Accept` requests it. */
  async result(request: Request, response: Response, workflow: Workflow, job: CompletedJob): Promise<void> {
    const { services, sender } = this.#parts;
    const { outputs } = services.manager;
    const { bytes } = await outputs.storedOutputOf(job, 0);
    if (wantsBytes(request, job.result.outputs[0])) {
      await sender.primary(request, response, job, bytes);
      return;
    }
    const shown = await outputs.shownBytes(job, bytes);
    await sender.json(response, this.#doneBody(workflow, job, shown), job, shown);
  }

  /** Returns the error for a client that waited for a job without a result. */
  notCompleted(job: Job): AppError {
    const fields = { job_id: job.id, status_url: jobUrls(job.id).status_url };
    switch (job.status) {
      case 'failed': {
        const { code, message, details } = job.failure;
        const retryAfterSeconds = code === 'SHUTTING_DOWN' ? RESTART_SECONDS : undefined;
        return new AppError(code, message, { details, fields, retryAfterSeconds });
      }
      case 'cancelled':
        return new AppError('JOB_NOT_COMPLETED', 'The job was cancelled.', { fields });
      default:
        if (this.#parts.services.manager.isDraining) {
          return new AppError('SHUTTING_DOWN', 'The server is shutting down; the job was not started.', {
            fields,
            retryAfterSeconds: RESTART_SECONDS,
          });
        }
        return new AppError(
          'SYNC_TIMEOUT',
          `The job was not completed within ${this.#parts.syncTimeoutMs / 1000} seconds; it continues.`,
          { fields },
        );
    }
  }

  #doneBody(workflow: Workflow, job: CompletedJob, bytes: Buffer): z.input<typeof anySyncAnswer> {
    return {
      success: true,
      message: `${workflow.title}: done.`,
      job_id: job.id,
      result: this.#parts.services.views.result(job, bytes),
      comfyui_instance: job.assignment.instance,
      ...outputsView(job),
      ...warningsOf(job),
    };
  }
}
