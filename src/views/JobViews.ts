import type { z } from 'zod';
import type { jobResultAnswer, jobStatusAnswer } from '../schemas/jobs.js';
import type { result } from '../schemas/outputs.js';
import type { DurationEstimates } from '../services/jobs/estimates.js';
import {
  assignmentOf,
  attemptsOf,
  type CompletedJob,
  isFinished,
  type Job,
  processingDuration,
} from '../services/jobs/Job.js';
import type { JobManager } from '../services/jobs/JobManager.js';
import type { JobProcessor } from '../services/jobs/JobProcessor.js';
import { type Clock, toIso, toSeconds } from '../utils/clock.js';
import type { OutputFormat } from '../workflows/parameters.js';
import { outputsView, outputUrl } from './outputViews.js';
import { waitingMessage } from './waitingMessage.js';

/** Placeholder for the base64 image in a JSON response. Only the text after it may come from a client. */
export const IMAGE_PLACE = '\u2063image\u2063';

/** Format of a result by its media type. */
export const FORMATS: Readonly<Record<string, OutputFormat>> = {
  'image/png': 'PNG',
  'image/jpeg': 'JPEG',
  'image/webp': 'WEBP',
};

/** Returns the URLs of a job's status, result, events and cancellation. */
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

/** Returns the field with the warnings about an accepted job; without warnings, no field. */
export function warningsOf({ request: { warnings } }: Job): { warnings?: string[] } {
  return warnings === undefined ? {} : { warnings: [...warnings] };
}

/** Estimated milliseconds until a pending job ends, and its position in the queue (1 is next). */
interface PendingEstimate {
  readonly position: number;
  readonly ms: number;
}

interface Parts {
  readonly manager: JobManager;
  readonly estimates: DurationEstimates;
  readonly processor: JobProcessor;
  readonly clock: Clock;
}

/** Views of jobs in responses, events and webhooks. */
export class JobViews {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Returns the estimated milliseconds until a pending job ends, and its position in the queue (1 is next). */
  async pendingEstimate(job: Job, waiting = this.#parts.processor.waiting(job.id)): Promise<PendingEstimate> {
    const { manager, estimates, processor } = this.#parts;
    const { jobsAhead, expectedMs } = waiting ?? {};
    // A job that was just taken from the queue and has not started yet is next.
    const position =
      jobsAhead === undefined ? Math.max(1, await manager.queue.position(job.id)) : jobsAhead + 1;
    return { position, ms: expectedMs ?? estimates.pendingMs(job.request.type, position, processor.pace) };
  }

  /** Returns the status of a job. */
  async status(job: Job): Promise<z.input<typeof jobStatusAnswer>> {
    const base = {
      job_id: job.id,
      type: job.request.type,
      created_time: toIso(job.createdTime),
      updated_time: toIso(job.updatedTime),
      processing_time_seconds: toSeconds(this.#processingMs(job)),
      comfyui_instance: assignmentOf(job)?.instance ?? null,
      progress_percentage: job.progress,
      attempts: attemptsOf(job),
      ...warningsOf(job),
    };
    // `Object.assign`, because spreading the base would take longer than the rest of the response.
    switch (job.status) {
      case 'pending': {
        const waiting = this.#parts.processor.waiting(job.id);
        const { position, ms } = await this.pendingEstimate(job, waiting);
        const isPossible = waiting?.reason !== 'no machine can run it';
        return Object.assign(base, {
          status: job.status,
          message: waitingMessage(job, waiting),
          queue_position: position,
          ...(isPossible ? { estimated_completion_time_seconds: toSeconds(ms) } : {}),
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
        return Object.assign(
          base,
          {
            status: job.status,
            message: 'Completed.',
            completed_time: toIso(job.finishedTime),
            result_url: jobUrls(job.id).result_url,
          },
          outputsView(job),
        );
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

  /**
   * Returns the `result` of a response: the primary output. `ResultSender` inserts an image.
   * @param bytes of the primary output
   */
  result(job: CompletedJob, bytes: Buffer): z.input<typeof result> {
    const { promptId, outputs } = job.result;
    const [{ kind, mimeType, width, height, sizeBytes, filename }] = outputs;
    const processing_time_seconds = toSeconds(processingDuration(job) ?? 0);
    if (kind === 'text') return { text: bytes.toString() };
    if (kind !== 'image') {
      return {
        kind,
        prompt_id: promptId,
        processing_time_seconds,
        mime_type: mimeType,
        size_bytes: sizeBytes,
        filename,
        url: outputUrl(job.id, 0),
      };
    }
    const format = FORMATS[mimeType];
    return {
      image_base64: `data:${mimeType};base64,${IMAGE_PLACE}`,
      prompt_id: promptId,
      processing_time_seconds,
      ...(format === undefined ? {} : { format }),
      ...(width === undefined || height === undefined ? {} : { width, height }),
      size_bytes: sizeBytes,
      ...job.request.workflow.resultFields?.(job.request.parameters),
    };
  }

  /** Returns a completed job with its result, in the format of `/result`. @param bytes of its primary output */
  completed(job: CompletedJob, bytes: Buffer): z.input<typeof jobResultAnswer> {
    return {
      job_id: job.id,
      status: 'completed',
      type: job.request.type,
      completed_time: toIso(job.finishedTime),
      processing_time_seconds: toSeconds(processingDuration(job) ?? 0),
      result: this.result(job, bytes),
      ...outputsView(job),
    };
  }

  /**
   * Returns the processing time. While pending: waiting time so far. After that: time since processing started; final
   * once finished.
   */
  #processingMs(job: Job): number {
    if (isFinished(job)) return processingDuration(job) ?? job.finishedTime - job.createdTime;
    const since = job.status === 'pending' ? job.createdTime : job.assignment.processingStartTime;
    // The clock of the server that wrote this time may be ahead for a moment.
    return Math.max(0, this.#parts.clock.now() - since);
  }

  #remainingMs(job: Job): number {
    return Math.max(0, this.#parts.estimates.processingMs(job.request.type) - this.#processingMs(job));
  }
}
