import type { Request, RequestHandler, Response } from 'express';
import type { z } from 'zod';
import type { Config } from '../config.js';
import { AppError } from '../errors.js';
import { callerOf, ownerOf } from '../middleware/authentication.js';
import { requestIdOf } from '../middleware/requestContext.js';
import { hangUpSignal, leastBytes, parametersOf, takeUpload } from '../middleware/upload.js';
import type { anySyncAnswer, asyncAnswer } from '../schemas/jobs.js';
import { inspectImage } from '../services/images/inspect.js';
import type { Services } from '../services/index.js';
import { RESTART_SECONDS } from '../services/jobs/Admission.js';
import { fingerprintOf } from '../services/jobs/IdempotencyKeys.js';
import {
  type CompletedJob,
  isFinished,
  type Job,
  type JobRequest,
  type WebhookTarget,
} from '../services/jobs/Job.js';
import { toIso, toSeconds } from '../utils/clock.js';
import { withDeadline } from '../utils/deadline.js';
import { type JobViews, jobUrls } from '../views/JobViews.js';
import { outputsView } from '../views/outputViews.js';
import { formatParameter } from '../workflows/parameters.js';
import { IMAGE_FILE, type Size, type Workflow } from '../workflows/types.js';
import { asyncParameters, webhookParameters } from './parameters.js';
import { invalidParameter, parseParameters } from './parse.js';
import { idempotencyKey, waitSeconds } from './requestHeaders.js';
import { acceptedFormat, type ResultSender, wantsBytes } from './sendResult.js';

/** Parameters that every workflow's routes take beside its own. */
const commonParameters = asyncParameters.extend({
  ...webhookParameters.shape,
  // Where it is left out, `Accept` may name one.
  format: formatParameter.unwrap().optional(),
});

type CommonParameters = z.output<typeof commonParameters>;

/** Submissions to one workflow. */
export class Submission {
  readonly #workflow: Workflow;
  readonly #services: Services;
  readonly #config: Config;
  readonly #views: JobViews;
  readonly #sender: ResultSender;

  constructor(workflow: Workflow, parts: { services: Services; config: Config; sender: ResultSender }) {
    const taken = Object.keys(workflow.parameters.shape).find((name) => name in commonParameters.shape);
    if (taken) {
      throw new Error(
        `The workflow ${workflow.type} has a parameter ${taken}, which every route has already.`,
      );
    }
    this.#workflow = workflow;
    this.#services = parts.services;
    this.#config = parts.config;
    this.#views = parts.services.views;
    this.#sender = parts.sender;
  }

  /** A server that is full or ends says so before it takes megabytes. */
  checkBeforeUpload: RequestHandler = (request, _response, next) => {
    this.#services.admission.check(leastBytes(request));
    next();
  };

  alwaysAsync: RequestHandler = async (request, response) => {
    const common = parseParameters(commonParameters, parametersOf(request));
    await this.#acceptAndAnswer(request, response, common);
  };

  syncOrAsync: RequestHandler = async (request, response) => {
    const common = parseParameters(commonParameters, parametersOf(request));
    const isAsync = common.async || common.mode === 'async';
    if (isAsync) {
      await this.#acceptAndAnswer(request, response, common);
      return;
    }
    const format = common.format ?? acceptedFormat(request);
    this.#checkInstances();
    // From here on, so that a client that hangs up while its job is made is noticed too.
    const hungUp = hangUpSignal(response);
    const job = await this.#submit(request, response, { ...common, format });
    await this.#answerDone(request, response, job, hungUp);
  };

  /** 202, or 200 where the client would rather wait and the job is done in time. */
  async #acceptAndAnswer(request: Request, response: Response, common: CommonParameters): Promise<void> {
    const seconds = waitSeconds(request);
    if (seconds === undefined) {
      this.#answerAccepted(response, await this.#submit(request, response, common));
      return;
    }
    const format = common.format ?? acceptedFormat(request);
    const hungUp = hangUpSignal(response);
    const { id } = await this.#submit(request, response, { ...common, format });
    const job = await withDeadline(Math.min(1000 * seconds, this.#config.SYNC_TIMEOUT), hungUp, (signal) =>
      this.#services.manager.whenFinished(id, signal),
    );
    response.set('Preference-Applied', `wait=${seconds}`);
    if (job.status === 'completed') await this.#sendResult(request, response, job);
    else this.#answerAccepted(response, job);
  }

  /** A client that waits is told at once that nobody could serve it. */
  #checkInstances(): void {
    const { balancer } = this.#services;
    if (balancer.canRun(this.#workflow.type)) return;
    throw new AppError('NO_HEALTHY_INSTANCES', balancer.whyNot(this.#workflow.type), {
      retryAfterSeconds: Math.ceil(this.#config.HEALTH_CHECK_TIMEOUT / 1000),
    });
  }

  /** A new job, or the one that the same submission made before. */
  async #submit(request: Request, response: Response, common: CommonParameters): Promise<Job> {
    const key = idempotencyKey(request);
    const webhook = this.#webhookOf(common);
    const upload = takeUpload(request, response);
    const { admission, manager, idempotencyKeys } = this.#services;
    try {
      const parameters = parseParameters(this.#workflow.parameters, parametersOf(request));
      const { image, bytes } = await inspectImage(upload.bytes, {
        allowedTypes: this.#config.ALLOWED_IMAGE_TYPES,
        maxPixels: this.#config.MAX_IMAGE_PIXELS,
        checkSize: (size) => this.#checkOutputSize(size, parameters),
      });
      const job: JobRequest = {
        type: this.#workflow.type,
        parameters,
        format: common.format ?? 'PNG',
        files: {
          [IMAGE_FILE.name]: {
            kind: IMAGE_FILE.kind,
            sizeBytes: bytes.length,
            mimeType: image.mimeType,
            filename: upload.filename,
            image,
          },
        },
        originalFilename: upload.filename,
        requestId: requestIdOf(response),
        owner: ownerOf(response),
        client: callerOf(response).id,
        webhook,
      };
      let created: Job | undefined;
      const create = async () => {
        created = await admission.admit(bytes.length, () =>
          manager.create(job, new Map([[IMAGE_FILE.name, bytes]])),
        );
        return created;
      };
      if (key === undefined) return await create();
      // Keys of different clients have nothing to do with each other.
      const scoped = JSON.stringify([job.owner ?? null, key]);
      const jobId = await idempotencyKeys.once(
        scoped,
        fingerprintOf(job, new Map([[IMAGE_FILE.name, upload.bytes]])),
        create,
      );
      if (created) return created;
      response.set('Idempotency-Replayed', 'true');
      return await manager.get(jobId);
    } finally {
      upload.release();
    }
  }

  #webhookOf({
    webhook_url: url,
    webhook_events: events,
    webhook_image: withImage,
  }: CommonParameters): WebhookTarget | undefined {
    if (url === undefined) return undefined;
    const { webhooks } = this.#services;
    const problem = webhooks ? webhooks.problemWith(url) : 'needs a server with WEBHOOK_SECRET';
    if (problem === undefined) return { url, events, withImage };
    throw invalidParameter('webhook_url', problem);
  }

  #checkOutputSize(size: Size, parameters: Record<string, unknown>): void {
    const { width, height } =
      this.#workflow.outputSize?.(new Map([[IMAGE_FILE.name, size]]), parameters) ?? size;
    const max = this.#config.MAX_OUTPUT_PIXELS;
    if (width * height <= max) return;
    throw new AppError(
      'IMAGE_TOO_LARGE',
      `The result would be ${width} x ${height} pixels; at most ${max} pixels are made.`,
    );
  }

  #answerAccepted(response: Response, job: Job): void {
    const { position, ms } =
      job.status === 'pending' ? this.#views.pendingEstimate(job) : { position: 0, ms: 0 };
    const urls = jobUrls(job.id);
    const body: z.input<typeof asyncAnswer> = {
      job_id: job.id,
      status: job.status,
      message: `${this.#workflow.title}: job accepted.`,
      estimated_completion_time: toIso(this.#services.clock.now() + ms),
      estimated_completion_time_seconds: toSeconds(ms),
      queue_position: position,
      ...urls,
    };
    response.status(202).location(urls.status_url).json(body);
  }

  /**
   * Waits for the job. A client that hangs up cancels it, unless it sent a key to ask for it again; one that waited
   * too long finds it by its id.
   */
  async #answerDone(request: Request, response: Response, job: Job, hungUp: AbortSignal): Promise<void> {
    const { manager } = this.#services;
    const ended = await withDeadline(this.#config.SYNC_TIMEOUT, hungUp, (signal) =>
      manager.whenFinished(job.id, signal),
    );
    if (hungUp.aborted) {
      // It may have ended in the same moment, which is as good.
      const mayComeBack = idempotencyKey(request) !== undefined;
      if (!isFinished(ended) && !mayComeBack) await manager.cancel(job.id).catch(() => undefined);
      return;
    }
    if (ended.status !== 'completed') throw this.#notCompleted(ended);
    await this.#sendResult(request, response, ended);
  }

  async #sendResult(request: Request, response: Response, job: CompletedJob): Promise<void> {
    const { image } = await this.#services.manager.result(job.id);
    if (wantsBytes(request, job.result.outputs[0])) await this.#sender.primary(response, job, image);
    else await this.#sender.json(response, this.#doneBody(job, image), job, image);
  }

  #doneBody(job: CompletedJob, bytes: Buffer): z.input<typeof anySyncAnswer> {
    return {
      success: true,
      message: `${this.#workflow.title}: done.`,
      job_id: job.id,
      result: this.#views.result(job, bytes),
      comfyui_instance: job.assignment.instance,
      ...outputsView(job),
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
