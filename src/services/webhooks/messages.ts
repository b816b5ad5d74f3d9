import { toIso } from '../../utils/clock.js';
import type { FinishedJob, WebhookTarget } from '../jobs/Job.js';
import type { DeliveryOrder } from './DeliveryStore.js';

/** Larger images are omitted, even if requested. */
const MAX_INLINE_IMAGE_BYTES = 256 * 1024;

/**
 * Returns the order to deliver the end of a job.
 * @param view the job as over HTTP
 * @param publicUrl prefix of links; they are paths if it is empty
 */
export function orderOf(
  job: FinishedJob,
  target: WebhookTarget,
  view: object,
  publicUrl: string,
): DeliveryOrder {
  return {
    jobId: job.id,
    requestId: job.request.requestId,
    traceparent: job.request.traceparent,
    messageId: `msg_${job.id}_${job.status}`,
    url: target.url,
    client: job.request.client ?? '',
    finishedTime: job.finishedTime,
    imageType: target.withImage ? imageTypeOf(job) : undefined,
    content: {
      type: messageType(job.status),
      timestamp: toIso(job.finishedTime),
      data: withWholeUrls(view, publicUrl),
    },
  };
}

/** Returns the type of the message about an end. */
export function messageType(status: FinishedJob['status']): string {
  return `job.${status}`;
}

/**
 * Whether a message of this type is sent even if the job is deleted: that it was cancelled says nothing of a result,
 * and deleting an unfinished job cancels it.
 */
export function outlivesDeletion(type: string): boolean {
  return type === messageType('cancelled');
}

/** Returns the MIME type of the image for the message; `undefined` for none, or a large one. */
function imageTypeOf(job: FinishedJob): string | undefined {
  if (job.status !== 'completed') return undefined;
  const [{ kind, mimeType, sizeBytes }] = job.result.outputs;
  return kind === 'image' && sizeBytes <= MAX_INLINE_IMAGE_BYTES ? mimeType : undefined;
}

/** Returns the view with absolute URLs instead of paths, also in lists. */
function withWholeUrls(view: object, publicUrl: string): Record<string, unknown> {
  const whole = ([name, value]: [string, unknown]): [string, unknown] => {
    if (name === 'url' || name.endsWith('_url')) return [name, `${publicUrl}${value}`];
    if (!Array.isArray(value)) return [name, value];
    const items: unknown[] = value;
    return [name, items.map((one) => (isObject(one) ? withWholeUrls(one, publicUrl) : one))];
  };
  return Object.fromEntries(Object.entries(view).map(whole));
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
