import type { Worker, WorkerOptions } from 'bullmq';

type Bull = typeof import('bullmq');
/** The parts of bullmq, which is loaded only if used. */
export type WorkerParts = Pick<Bull, 'Worker' | 'createRedisBackend'>;

/**
 * Creates a BullMQ worker whose entries are fetched manually (`getNextJob` with `block: false`). By default a worker
 * opens a connection for blocking commands, which is never used here: one per workflow and server. After an outage of
 * Redis it also survives `close`, and reconnects for ever.
 * @param options with the shared connection
 */
export function manualWorker<T>(
  { Worker, createRedisBackend }: WorkerParts,
  name: string,
  options: WorkerOptions,
): Worker<T> {
  return new Worker<T>(name, null, { ...options, autorun: false }, (queue, all, more) =>
    createRedisBackend(queue, all, { ...more, withBlockingConnection: false }),
  );
}
