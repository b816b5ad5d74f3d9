import { z } from 'zod';
import type { DeliveryOrder, DeliveryRecord } from '../DeliveryStore.js';

const order = z.object({
  jobId: z.string(),
  requestId: z.string(),
  traceparent: z.string().optional(),
  messageId: z.string(),
  url: z.url(),
  client: z.string(),
  finishedTime: z.number(),
  imageType: z.string().optional(),
  content: z.object({ type: z.string(), timestamp: z.string(), data: z.looseObject({}) }),
});

const attempt = z.object({ time: z.number(), status: z.number().optional(), error: z.string().optional() });

const record = z.object({
  state: z.enum(['delivering', 'delivered', 'given_up']),
  attempts: z.array(attempt),
  nextAttempt: z.number().optional(),
  reason: z.string().optional(),
});

/** Returns the delivery in BullMQ's data; undefined if damaged. */
export function readOrder(data: unknown): DeliveryOrder | undefined {
  const read = order.safeParse(data);
  return read.success ? { ...read.data, imageType: read.data.imageType } : undefined;
}

/** Returns the state of a delivery; undefined without a valid record. */
export function readRecord(text: string | null | undefined): DeliveryRecord | undefined {
  if (text === null || text === undefined) return undefined;
  try {
    const { state, attempts, nextAttempt, reason } = record.parse(JSON.parse(text));
    const read = attempts.map(({ time, status, error }) => ({
      time,
      ...(status === undefined ? {} : { status }),
      ...(error === undefined ? {} : { error }),
    }));
    return { state, attempts: read, nextAttempt, reason };
  } catch {
    return undefined;
  }
}
