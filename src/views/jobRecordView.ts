import type { z } from 'zod';
import type { jobInfo, jobRecord } from '../schemas/jobs.js';
import {
  assignmentOf,
  attemptsOf,
  isFinished,
  type Job,
  mainFile,
  processingDuration,
} from '../services/jobs/Job.js';
import type { DeliveryRecord } from '../services/webhooks/DeliveryStore.js';
import { toSeconds } from '../utils/clock.js';
import { NumberText } from '../utils/losslessJson.js';

/**
 * Returns the record of a job for lists and `/info`.
 * @param delivery state of the webhook delivery; `undefined` before the end of the job
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
    attempts: attemptsOf(job),
    requestId: request.requestId,
    ...webhookOf(job, delivery),
    data: dataOf(job),
  };
}

/** Returns the execution times of a completed job's nodes, if known. */
export function nodesView(job: Job): Pick<z.input<typeof jobInfo>, 'nodes'> {
  if (job.status !== 'completed' || !job.result.nodeTimes) return {};
  const nodes = job.result.nodeTimes.map(({ nodeId, classType, ms }) => ({
    node_id: nodeId,
    class_type: classType,
    seconds: toSeconds(ms),
  }));
  return { nodes };
}

/** Returns the submitted data, with the fields of its main file. */
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

/** Returns numbers that JavaScript cannot represent as text. */
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

/** Returns the state of the webhook delivery, if a webhook was requested. */
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

/** Returns the fields that only finished jobs have. */
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
