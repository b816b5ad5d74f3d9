import type { z } from 'zod';
import type { jobRecord, jobStatusAnswer, result } from '../schemas/jobs.js';
import type { Services } from '../services/index.js';
import {
  assignmentOf,
  type CompletedJob,
  isFinished,
  type Job,
  processingDuration,
} from '../services/jobs/Job.js';
import { toIso, toSeconds } from '../utils/clock.js';
import { IMAGE_PLACE } from './sendResult.js';

/** Where a job's status, result, events and cancellation are. */
export function jobUrls(
  id: string,
): Record<'status_url' | 'result_url' | 'events_url' | 'cancel_url', string> {
  return {
    status_url: `/api/jobs/${id}/status`,
    result_url: `/api/jobs/${id}/result`,
    events_url: `/api/jobs/${id}/events`,
    cancel_url: `/api/jobs/${id}/cancel`,
  };
}

/** Makes the answers about jobs out of their records. */
export class JobViews {
  readonly #services: Services;

  constructor(services: Services) {
    this.#services = services;
  }

  /** Milliseconds until a pending job is likely done, and its place in the queue (1 is next). */
  pendingEstimate(job: Job): { position: number; ms: number } {
    const { manager, estimates, processor } = this.#services;
    // A job that was just taken from the queue, and is not begun yet, is the next one.
    const position = Math.max(1, manager.queue.position(job.id));
    return { position, ms: estimates.pendingMs(job.request.type, position, processor.slots) };
  }

  status(job: Job): z.input<typeof jobStatusAnswer> {
    const base = {
      job_id: job.id,
      type: job.request.type,
      created_time: toIso(job.createdTime),
      updated_time: toIso(job.updatedTime),
      processing_time_seconds: toSeconds(this.#processingMs(job)),
      comfyui_instance: assignmentOf(job)?.instance ?? null,
      progress_percentage: job.progress,
      attempts: job.attempts,
    };
    // Spreading the base into each of these takes longer than all the rest of the answer.
    switch (job.status) {
      case 'pending': {
        const { position, ms } = this.pendingEstimate(job);
        const message = job.attempts > 0 ? 'Waiting for another try.' : 'Waiting for a free instance.';
        return Object.assign(base, {
          status: job.status,
          message,
          queue_position: position,
          estimated_completion_time_seconds: toSeconds(ms),
        });
      }
      case 'processing':
        return Object.assign(base, {
          status: job.status,
          message: `Processing on ${job.assignment.instance}.`,
          ...(job.assignment.promptId === undefined ? {} : { prompt_id: job.assignment.promptId }),
          ...(job.currentNode === undefined ? {} : { current_node: job.currentNode }),
          estimated_remaining_time_seconds: toSeconds(this.#remainingMs(job)),
        });
      case 'completed':
        return Object.assign(base, {
          status: job.status,
          message: 'Completed.',
          completed_time: toIso(job.finishedTime),
          result_url: jobUrls(job.id).result_url,
        });
      case 'failed':
        return Object.assign(base, {
          status: job.status,
          message: 'Failed.',
          failed_time: toIso(job.finishedTime),
          error: job.failure.message,
          error_code: job.failure.code,
          ...(job.failure.details === undefined ? {} : { error_details: job.failure.details }),
        });
      case 'cancelled':
        return Object.assign(base, {
          status: job.status,
          message: 'Cancelled.',
          cancelled_time: toIso(job.finishedTime),
        });
    }
  }

  record(job: Job): z.input<typeof jobRecord> {
    const { request } = job;
    const { parameters, format, imageSize, originalFilename } = request;
    const { mimeType, width, height } = request.image;
    const assignment = assignmentOf(job);
    return {
      id: job.id,
      type: request.type,
      status: job.status,
      createdTime: Math.floor(job.createdTime),
      updatedTime: Math.floor(job.updatedTime),
      ...(assignment ? { processingStartTime: Math.floor(assignment.processingStartTime) } : {}),
      ...endOf(job),
      comfyuiInstance: assignment?.instance ?? null,
      ...(assignment?.promptId === undefined ? {} : { promptId: assignment.promptId }),
      attempts: job.attempts,
      requestId: request.requestId,
      ...this.#webhook(job),
      data: { imageSize, mimeType, originalFilename, width, height, format, ...parameters },
    };
  }

  /** The `result` of an answer; `ResultSender` puts the image in. */
  result(job: CompletedJob): z.input<typeof result> {
    const { promptId, format, mimeType, width, height, sizeBytes } = job.result;
    const workflow = this.#services.workflows.find(({ type }) => type === job.request.type);
    return {
      image_base64: `data:${mimeType};base64,${IMAGE_PLACE}`,
      prompt_id: promptId,
      processing_time_seconds: toSeconds(processingDuration(job) ?? 0),
      format,
      width,
      height,
      size_bytes: sizeBytes,
      ...workflow?.resultFields?.(job.request.parameters),
    };
  }

  /** How the delivery of the job's end goes, where somebody asked for it. */
  #webhook({ id, status, request }: Job): Pick<z.input<typeof jobRecord>, 'webhook'> {
    const { webhook } = request;
    if (!webhook) return {};
    const delivery = this.#services.webhooks?.deliveryOf(id);
    const isPassedOver = status !== 'pending' && status !== 'processing' && !webhook.events.includes(status);
    const next = delivery?.nextAttempt;
    return {
      webhook: {
        url: webhook.url.split('?', 1)[0] ?? '',
        events: [...webhook.events],
        state: delivery?.state ?? (isPassedOver ? 'not_asked_for' : 'waiting'),
        attempts: (delivery?.attempts ?? []).map((one) => ({ ...one, time: Math.floor(one.time) })),
        ...(next === undefined ? {} : { nextAttemptTime: Math.floor(next) }),
        ...(delivery?.reason === undefined ? {} : { reason: delivery.reason }),
      },
    };
  }

  /** Pending: time waiting so far. After that: time since processing began, final once finished. */
  #processingMs(job: Job): number {
    if (isFinished(job)) return processingDuration(job) ?? job.finishedTime - job.createdTime;
    const since = job.status === 'pending' ? job.createdTime : job.assignment.processingStartTime;
    return this.#services.clock.now() - since;
  }

  #remainingMs(job: Job): number {
    return Math.max(0, this.#services.estimates.processingMs(job.request.type) - this.#processingMs(job));
  }
}

/** The fields that only a finished job has. */
function endOf(job: Job): Partial<z.input<typeof jobRecord>> {
  if (!isFinished(job)) return {};
  const at = Math.floor(job.finishedTime);
  const duration = processingDuration(job);
  const processing = duration === undefined ? {} : { processingDuration: Math.round(duration) };
  switch (job.status) {
    case 'completed': {
      const { format: _format, ...result } = job.result;
      return { completedTime: at, ...processing, result };
    }
    case 'failed':
      return { failedTime: at, ...processing, error: job.failure.message, errorCode: job.failure.code };
    case 'cancelled':
      return { cancelledTime: at, ...processing };
  }
}
