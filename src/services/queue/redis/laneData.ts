import { z } from 'zod';
import { jsonIfValid } from '../../../utils/jsonIfValid.js';
import type { QueueEntry } from '../JobQueue.js';

/** BullMQ's data of an entry. */
export interface LaneData extends Omit<QueueEntry, 'tried'> {
  readonly tried: readonly string[];
  /** Its place among all waiting entries of any type. */
  readonly rank: number;
}

const texts = z.array(z.string());
const needs = z.looseObject({
  key: z.string(),
  nodes: texts,
  models: z.array(z.looseObject({ node: z.string(), input: z.string(), model: z.string() })),
  labels: texts.optional(),
});

/** Unknown fields are kept: a newer server may have written them. */
const shape = z.looseObject({
  id: z.string(),
  type: z.string(),
  bytes: z.number(),
  largest: z.number(),
  tried: texts,
  rank: z.number(),
  client: z.string().optional(),
  priority: z.number().optional(),
  deadline: z.number().optional(),
  since: z.number().optional(),
  needs: needs.optional(),
});

/**
 * Returns BullMQ's data of an entry; undefined if it is damaged or belongs to another entry.
 * @param texts the entry's data as they are in Redis, and BullMQ's options, which must be readable too
 */
export function readLaneData(
  [data, options]: readonly [data: string | null | undefined, options: string | null | undefined],
  type: string,
  id: string,
): LaneData | undefined {
  const read: unknown = jsonIfValid(data ?? '');
  const isOwn = isObject(jsonIfValid(options ?? '{}')) && isLaneData(read) && read.type === type;
  return isOwn && read.id === id ? read : undefined;
}

/** Whether a type can have a queue of BullMQ. */
export function isLaneType(type: string): boolean {
  return type !== '' && !type.includes(':');
}

function isLaneData(data: unknown): data is LaneData {
  return shape.safeParse(data).success;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
