import type { Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';

/** The parts of bullmq, which is loaded only if used. */
export type Bull = Pick<typeof import('bullmq'), 'Queue' | 'Worker' | 'createRedisBackend'>;

/** BullMQ fails a job that stalls more often. The queue must not decide about retries. */
const NO_LIMIT = 1_000_000;

/** BullMQ's error about an entry that is no longer this server's. */
const NOT_HELD = /Missing (key|lock)|Lock mismatch|is not in the active state/i;

/** Events in BullMQ's stream, which are only for debugging. */
const KEPT_EVENTS = 100;

export interface HoldTimings {
  /** Lifetime of a hold that is not renewed, ms. */
  readonly lockMs: number;
  /** Interval of the check for expired holds, ms. */
  readonly stalledCheckMs: number;
}

/** A queue of BullMQ, and the worker that takes its entries. */
export interface BullQueue<T> {
  readonly queue: Queue<T>;
  readonly worker: Worker<T>;
  close(): Promise<void>;
}

/**
 * Creates a queue whose entries are taken manually (`getNextJob` with `block: false`). By default a worker opens a
 * connection for blocking commands, which would never be used. After an outage of Redis such a connection also survives
 * `close`, and reconnects for ever.
 * @param place the shared connection, and the prefix of all keys
 * @param onError receives the errors of both
 */
export function createBullQueue<T>(
  { Queue, Worker, createRedisBackend }: Bull,
  name: string,
  place: { readonly connection: Redis; readonly prefix: string },
  { lockMs, stalledCheckMs }: HoldTimings,
  onError: (error: Error) => void,
): BullQueue<T> {
  const shared = { ...place, skipVersionCheck: true };
  const queue = new Queue<T>(name, {
    ...shared,
    streams: { events: { maxLen: KEPT_EVENTS } },
    defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
  });
  const options = {
    ...shared,
    autorun: false,
    lockDuration: lockMs,
    stalledInterval: stalledCheckMs,
    maxStalledCount: NO_LIMIT,
  };
  const worker = new Worker<T>(name, null, options, (of, all, more) =>
    createRedisBackend(of, all, { ...more, withBlockingConnection: false }),
  );
  queue.on('error', onError);
  worker.on('error', onError);
  const close = async () => void (await Promise.all([worker.close(), queue.close()]));
  return { queue, worker, close };
}

/** Whether a call failed because the entry is no longer this server's. */
export function isNotHeld(error: unknown): boolean {
  return error instanceof Error && NOT_HELD.test(error.message);
}
