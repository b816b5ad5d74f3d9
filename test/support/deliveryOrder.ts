import type { DeliveryOrder } from '../../src/services/webhooks/DeliveryStore.js';

/** A webhook order, for tests that do not depend on its content. */
export function deliveryOrder(jobId: string, others: Partial<DeliveryOrder> = {}): DeliveryOrder {
  return {
    jobId,
    requestId: 'r',
    messageId: `msg_${jobId}`,
    url: 'https://a.example/hook',
    client: 'c',
    finishedTime: 1,
    imageType: undefined,
    content: { type: 'job.completed', timestamp: '1970-01-01T00:00:00.001Z', data: { job_id: jobId } },
    ...others,
  };
}
