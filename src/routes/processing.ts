import { type Request, type RequestHandler, type Response, Router } from 'express';
import type { z } from 'zod';
import type { Config } from '../config.js';
import { AppError } from '../errors.js';
import { ownerOf } from '../middleware/authentication.js';
import { requestIdOf } from '../middleware/requestContext.js';
import { hangUpSignal, imageUpload, leastBytes, parametersOf, takeUpload } from '../middleware/upload.js';
import { UploadBudget } from '../middleware/uploadBudget.js';
import type { asyncAnswer, syncAnswer } from '../schemas/jobs.js';
import { inspectImage } from '../services/images/inspect.js';
import type { Services } from '../services/index.js';
import { RESTART_SECONDS } from '../services/jobs/Admission.js';
import { type CompletedJob, isFinished, type Job, type JobRequest } from '../services/jobs/Job.js';
import { toIso, toSeconds } from '../utils/clock.js';
import { withDeadline } from '../utils/deadline.js';
import { formatParameter } from '../workflows/parameters.js';
import type { Workflow } from '../workflows/types.js';
import { type JobViews, jobUrls } from './jobViews.js';
import { asyncParameters } from './parameters.js';
import { parseParameters } from './parse.js';
import { route } from './route.js';
import { type ResultSender, wantsImage } from './sendResult.js';

/** Parameters that every workflow's routes take beside its own. */
const commonParameters = asyncParameters.extend({ format: formatParameter });

/** Both routes of every workflow. */
export function processingRoutes(
  services: Services,
  config: Config,
  views: JobViews,
  sender: ResultSender,
): Router {
  const router = Router();
  const upload = imageUpload({
    maxFileBytes: config.MAX_FILE_SIZE,
    pace: { minBytesPerSecond: config.MIN_TRANSFER_RATE, wholeMs: config.UPLOAD_TIMEOUT },
    budget: new UploadBudget(config.MAX_UPLOAD_MEMORY),
    retryAfterSeconds: () => services.admission.retryAfterSeconds(),
  });
  for (const workflow of services.workflows) {
    const submission = new Submission(workflow, { services, config, views, sender });
    const early = submission.checkBeforeUpload;
    route(router, `/api/${workflow.type}`, { post: [early, upload, submission.syncOrAsync] });
    route(router, `/api/async/${workflow.type}`, { post: [early, upload, submission.alwaysAsync] });
  }
  return router;
}

/** Submissions to one workflow. */
class Submission {
  readonly #workflow: Workflow;
  readonly #services: Services;
  readonly #config: Config;
  readonly #views: JobViews;
  readonly #sender: ResultSender;

  constructor(
    workflow: Workflow,
    parts: { services: Services; config: Config; views: JobViews; sender: ResultSender },
  ) {
    this.#workflow = workflow;
    this.#services = parts.services;
    this.#config = parts.config;
    this.#views = parts.views;
    this.#sender = parts.sender;
  }

  /** A server that is full or ends says so before it takes megabytes. */
  checkBeforeUpload: RequestHandler = (request, _response, next) => {
    this.#services.admission.check(leastBytes(request));
    next();
  };

  alwaysAsync: RequestHandler = async (request, response) => {
    const { format } = parseParameters(commonParameters, parametersOf(request));
    const job = await this.#create(request, response, format);
    this.#answerAccepted(response, job);
  };

  syncOrAsync: RequestHandler = async (request, response) => {
    const common = parseParameters(commonParameters, parametersOf(request));
    const isAsync = common.async || common.mode === 'async';
    if (!isAsync) this.#checkInstances();
    // From here on, so that a client that hangs up while its job is made is noticed too.
    const hungUp = hangUpSignal(response);
    const job = await this.#create(request, response, common.format);
    if (isAsync) this.#answerAccepted(response, job);
    else await this.#answerDone(request, response, job, hungUp);
  };

  /** A client that waits is told at once that nobody could serve it. */
  #checkInstances(): void {
    const { balancer } = this.#services;
    if (balancer.canRun(this.#workflow.type)) return;
    throw new AppError('NO_HEALTHY_INSTANCES', balancer.whyNot(this.#workflow.type), {
      retryAfterSeconds: Math.ceil(this.#config.HEALTH_CHECK_TIMEOUT / 1000),
    });
  }

  async #create(request: Request, response: Response, format: JobRequest['format']): Promise<Job> {
    const upload = takeUpload(request, response);
    const { admission, manager } = this.#services;
    try {
      const parameters = parseParameters(this.#workflow.parameters, parametersOf(request));
      const image = await inspectImage(upload.bytes, {
        allowedTypes: this.#config.ALLOWED_IMAGE_TYPES,
        maxPixels: this.#config.MAX_IMAGE_PIXELS,
      });
      this.#checkOutputSize(this.#workflow.outputSize(image, parameters));
      const job = {
        type: this.#workflow.type,
        parameters,
        format,
        image,
        imageSize: upload.bytes.length,
        originalFilename: upload.filename,
        requestId: requestIdOf(response),
        owner: ownerOf(response),
      };
      return await admission.admit(upload.bytes.length, () => manager.create(job, upload.bytes));
    } finally {
      upload.release();
    }
  }

  #checkOutputSize({ width, height }: { width: number; height: number }): void {
    const max = this.#config.MAX_OUTPUT_PIXELS;
    if (width * height <= max) return;
    throw new AppError(
      'IMAGE_TOO_LARGE',
      `The result would be ${width} x ${height} pixels; at most ${max} pixels are made.`,
    );
  }

  #answerAccepted(response: Response, job: Job): void {
    const { position, ms } = this.#views.pendingEstimate(job);
    const urls = jobUrls(job.id);
    const body: z.input<typeof asyncAnswer> = {
      job_id: job.id,
      status: 'pending',
      message: `${this.#workflow.title}: job accepted.`,
      estimated_completion_time: toIso(this.#services.clock.now() + ms),
      estimated_completion_time_seconds: toSeconds(ms),
      queue_position: position,
      ...urls,
    };
    response.status(202).location(urls.status_url).json(body);
  }

  /** Waits for the job; a client that hangs up cancels it, one that waited too long finds it by its id. */
  async #answerDone(request: Request, response: Response, job: Job, hungUp: AbortSignal): Promise<void> {
    const { manager } = this.#services;
    const ended = await withDeadline(this.#config.SYNC_TIMEOUT, hungUp, (signal) =>
      manager.whenFinished(job.id, signal),
    );
    if (hungUp.aborted) {
      // It may have ended in the same moment, which is as good.
      if (!isFinished(ended)) await manager.cancel(job.id).catch(() => undefined);
      return;
    }
    if (ended.status !== 'completed') throw this.#notCompleted(ended);
    const { image } = await manager.result(job.id);
    if (wantsImage(request, ended.result.mimeType)) this.#sender.image(response, ended, image);
    else await this.#sender.json(response, this.#doneBody(ended), image);
  }

  #doneBody(job: CompletedJob): z.input<typeof syncAnswer> {
    return {
      success: true,
      message: `${this.#workflow.title}: done.`,
      job_id: job.id,
      result: this.#views.result(job),
      comfyui_instance: job.assignment.instance,
    };
  }

  #notCompleted(job: Job): AppError {
    const fields = { job_id: job.id, status_url: jobUrls(job.id).status_url };
    switch (job.status) {
      case 'failed': {
        const { code, message, details } = job.failure;
        return new AppError(code, message, { details, fields, retryAfterSeconds: retryAfter(code) });
      }
      case 'cancelled':
        return new AppError('JOB_NOT_COMPLETED', 'The job was cancelled.', { fields });
      default:
        if (this.#services.manager.isDraining) {
          return new AppError('SHUTTING_DOWN', 'The server is shutting down; the job was not started.', {
            fields,
            retryAfterSeconds: retryAfter('SHUTTING_DOWN'),
          });
        }
        return new AppError(
          'SYNC_TIMEOUT',
          `The job was not done within ${this.#config.SYNC_TIMEOUT / 1000} seconds; it goes on.`,
          { fields },
        );
    }
  }
}

function retryAfter(code: AppError['code']): number | undefined {
  return code === 'SHUTTING_DOWN' ? RESTART_SECONDS : undefined;
}
