import type { z } from 'zod';
import type { jobRecord } from '../schemas/jobs.js';
import { assignmentOf, isFinished, type Job, mainFile, processingDuration } from '../services/jobs/Job.js';
import type { DeliveryRecord } from '../services/webhooks/DeliveryStore.js';
import { NumberText } from '../utils/losslessJson.js';

/**
 * A job's record, as lists and `/info` show it.
 * @param delivery how the delivery of its end goes; undefined before its end
 */
export function jobRecordView(
  job: Job,
  delivery: Readonly<DeliveryRecord> | undefined,
): z.input<typeof jobRecord> {
  const { request } = job;
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
    ...webhookOf(job, delivery),
    data: dataOf(job),
  };
}

/** What was submitted, in the terms of one picture. */
function dataOf({ request }: Job): z.input<typeof jobRecord>['data'] {
  const { parameters, format, originalFilename } = request;
  const file = mainFile(request);
  return {
    ...(file ? { imageSize: file.sizeBytes, mimeType: file.mimeType } : {}),
    originalFilename,
    ...sizeView(file?.image?.width, file?.image?.height),
    ...(format === undefined ? {} : { format }),
    ...Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, parameterView(value)])),
  };
}

/** A number that JavaScript cannot hold is shown as a text. */
function parameterView(value: unknown): unknown {
  if (value instanceof NumberText) return value.text;
  return typeof value === 'bigint' ? String(value) : value;
}

function sizeView(
  width: number | undefined,
  height: number | undefined,
): { width?: number; height?: number } {
  return width === undefined || height === undefined ? {} : { width, height };
}

/** How the delivery of the job's end goes, where somebody asked for it. */
function webhookOf(
  { status, request }: Job,
  delivery: Readonly<DeliveryRecord> | undefined,
): Pick<z.input<typeof jobRecord>, 'webhook'> {
  const { webhook } = request;
  if (!webhook) return {};
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

/** The fields that only a finished job has. */
function endOf(job: Job): Partial<z.input<typeof jobRecord>> {
  if (!isFinished(job)) return {};
  const at = Math.floor(job.finishedTime);
  const duration = processingDuration(job);
  const processing = duration === undefined ? {} : { processingDuration: Math.round(duration) };
  switch (job.status) {
    case 'completed': {
      const { promptId, outputs } = job.result;
      const [{ mimeType, sizeBytes, width, height }] = outputs;
      const result = { promptId, mimeType, sizeBytes, ...sizeView(width, height) };
      return { completedTime: at, ...processing, result };
    }
    case 'failed':
      return { failedTime: at, ...processing, error: job.failure.message, errorCode: job.failure.code };
    case 'cancelled':
      return { cancelledTime: at, ...processing };
  }
}
