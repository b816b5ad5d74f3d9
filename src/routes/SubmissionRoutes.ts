import type { Request, RequestHandler, Response } from 'express';
import type { z } from 'zod';
import type { Config } from '../config/index.js';
import { callerOf, ownerOf } from '../middleware/authentication.js';
import { requestIdOf } from '../middleware/requestContext.js';
import { hangUpSignal, leastBytes, sentParameters, takeUpload } from '../middleware/upload.js';
import { invalidParameter, parseParameters } from '../schemas/parse.js';
import type { Services } from '../services/index.js';
import { isFinished, type Job, type WebhookTarget } from '../services/jobs/Job.js';
import { withoutEmpty } from '../services/submissions/parameterKinds.js';
import type { Submitted } from '../services/submissions/RepeatedSubmissions.js';
import { withDeadline } from '../utils/deadline.js';
import { formatParameter, type OutputFormat } from '../workflows/parameters.js';
import type { Workflow } from '../workflows/types.js';
import { asyncParameters, schedulingParameters, webhookParameters } from './parameters.js';
import { highestPriority } from './priority.js';
import { idempotencyKey, waitSeconds } from './requestHeaders.js';
import { SubmissionAnswers } from './SubmissionAnswers.js';
import { acceptedFormat, type ResultSender } from './sendResult.js';

/** Parameters of every workflow's routes besides its own. */
const commonParameters = asyncParameters.extend({
  ...webhookParameters.shape,
  ...schedulingParameters.shape,
  // Without this parameter, `Accept` can choose the format.
  format: formatParameter.unwrap().optional(),
});

type CommonParameters = z.output<typeof commonParameters>;

/** Handles submissions to one workflow. */
export class SubmissionRoutes {
  readonly #workflow: Workflow;
  readonly #services: Services;
  readonly #config: Config;
  readonly #answers: SubmissionAnswers;

  constructor(workflow: Workflow, parts: { services: Services; config: Config; sender: ResultSender }) {
    const taken = Object.keys(workflow.parameters.shape).find((name) => name in commonParameters.shape);
    if (taken) {
      throw new Error(
        `The workflow ${workflow.type} has a parameter ${taken}, which is a common parameter of all routes.`,
      );
    }
    const { services, config, sender } = parts;
    this.#workflow = workflow;
    this.#services = services;
    this.#config = config;
    this.#answers = new SubmissionAnswers({ services, sender, syncTimeoutMs: config.jobs.syncTimeoutMs });
  }

  /** Rejects a request before its upload if the server is full or shutting down. */
  checkBeforeUpload: RequestHandler = async (request, _response, next) => {
    await this.#services.admission.check({ files: leastBytes(request), graph: 0 });
    next();
  };

  alwaysAsync: RequestHandler = async (request, response) => {
    const common = commonOf(response);
    await this.#acceptAndAnswer(request, response, common, hangUpSignal(response));
  };

  syncOrAsync: RequestHandler = async (request, response) => {
    const common = commonOf(response);
    // Starts here, to notice a client that disconnects while its job is created too.
    const hungUp = hangUpSignal(response);
    const isAsync = common.async || common.mode === 'async';
    if (isAsync) {
      await this.#acceptAndAnswer(request, response, common, hungUp);
      return;
    }
    const format = common.format ?? this.#acceptedFormat(request);
    const { job, isRepeated } = await this.#submit(request, response, { ...common, format }, hungUp, true);
    // It may have been submitted asynchronously. For a new job, they were checked before it was created.
    if (isRepeated && job.status === 'pending') {
      this.#services.submissions.checkMachines(this.#workflow.type);
    }
    await this.#answerDone(request, response, job, hungUp);
  };

  /** Custom workflows keep their own format unless the client specifies one, because their outputs may be of any kind. */
  #acceptedFormat(request: Request): OutputFormat | undefined {
    return this.#workflow.isBuiltIn ? acceptedFormat(request) : undefined;
  }

  /** Responds with 202, or with 200 if the client prefers to wait and the job ends in time. */
  async #acceptAndAnswer(
    request: Request,
    response: Response,
    common: CommonParameters,
    hungUp: AbortSignal,
  ): Promise<void> {
    const seconds = waitSeconds(request);
    if (seconds === undefined) {
      const { job } = await this.#submit(request, response, common, hungUp);
      await this.#answers.accepted(response, this.#workflow, job);
      return;
    }
    const format = common.format ?? this.#acceptedFormat(request);
    const {
      job: { id },
    } = await this.#submit(request, response, { ...common, format }, hungUp);
    const job = await withDeadline(
      Math.min(1000 * seconds, this.#config.jobs.syncTimeoutMs),
      hungUp,
      (signal) => this.#services.manager.whenFinished(id, signal),
    );
    response.set('Preference-Applied', `wait=${seconds}`);
    if (job.status === 'completed') await this.#answers.result(request, response, this.#workflow, job);
    else await this.#answers.accepted(response, this.#workflow, job);
  }

  /** Creates a job, or finds the job of an earlier identical submission. */
  async #submit(
    request: Request,
    response: Response,
    common: CommonParameters,
    hungUp: AbortSignal,
    isAwaited = false,
  ): Promise<Submitted> {
    const key = idempotencyKey(request);
    const upload = takeUpload(response);
    try {
      const submitted = await this.#services.submissions.submit({
        workflow: this.#workflow,
        files: upload.files,
        parameters: upload.parameters,
        otherParameters: Object.keys(commonParameters.shape),
        format: common.format,
        priority: this.#priorityOf(common, response),
        deadlineSeconds: common.deadline_seconds,
        webhook: webhookOf(common),
        requestId: requestIdOf(response),
        owner: ownerOf(response),
        client: callerOf(response).id,
        idempotencyKey: key,
        signal: hungUp,
        isAwaited,
      });
      if (submitted.isRepeated) response.set('Idempotency-Replayed', 'true');
      return submitted;
    } finally {
      upload.release();
    }
  }

  /** @throws AppError `INVALID_PARAMETER` for a priority above the limit of the caller's key */
  #priorityOf({ priority }: CommonParameters, response: Response): number {
    const highest = highestPriority(response, this.#config);
    if (priority <= highest) return priority;
    throw invalidParameter('priority', `must be at most ${highest} with this key`);
  }

  /**
   * Waits for the job. A client that disconnects cancels it, unless it sent an idempotency key to ask again. After a
   * timeout the client can find the job by its id.
   */
  async #answerDone(request: Request, response: Response, job: Job, hungUp: AbortSignal): Promise<void> {
    const { manager } = this.#services;
    const ended = await withDeadline(this.#config.jobs.syncTimeoutMs, hungUp, (signal) =>
      manager.whenFinished(job.id, signal),
    );
    if (hungUp.aborted) {
      // The job may have just ended, which is fine.
      const mayComeBack = idempotencyKey(request) !== undefined;
      if (!isFinished(ended) && !mayComeBack) await manager.cancel(job.id).catch(() => undefined);
      return;
    }
    if (ended.status !== 'completed') throw this.#answers.notCompleted(ended);
    await this.#answers.result(request, response, this.#workflow, ended);
  }
}

/** @throws AppError `INVALID_PARAMETER` */
function commonOf(response: Response): CommonParameters {
  return parseParameters(commonParameters, withoutEmpty(sentParameters(response), commonParameters));
}

function webhookOf({
  webhook_url: url,
  webhook_events: events,
  webhook_image: withImage,
}: CommonParameters): WebhookTarget | undefined {
  return url === undefined ? undefined : { url, events, withImage };
}
