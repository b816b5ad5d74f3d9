import { type MiddlewareClient, MiddlewareError } from '../client/index.js';
import { messageOf } from './errors.js';
import { pause } from './pause.js';
import type { Task } from './work.js';

const RETRY_SECONDS = 2;

interface Options {
  readonly key: string;
  readonly signal: AbortSignal;
  /** If there are many tasks, a full queue is a reason to wait. A refused key is one for every task: the page asks for another. */
  readonly isPatient: boolean;
  /** Called with the reason for waiting. */
  readonly onWait: (reason: string) => void;
}

/**
 * Submits a task.
 * @returns the job's id
 * @throws the errors of `MiddlewareClient.submit`
 */
export async function submitTask(
  client: MiddlewareClient,
  { workflow, files, values, format }: Task,
  { key, signal, isPatient, onWait }: Options,
): Promise<string> {
  for (;;) {
    try {
      const options = { signal, idempotencyKey: key, ...(format ? { format } : {}) };
      return (await client.submit(workflow.type, { ...files, ...values }, options)).job_id;
    } catch (error) {
      if (!isRefusedKey(error) && !(isPatient && isBusy(error))) throw error;
      onWait(messageOf(error));
      await pause(1000 * (error.retryAfterSeconds ?? RETRY_SECONDS), signal);
      signal.throwIfAborted();
    }
  }
}

function isRefusedKey(error: unknown): error is MiddlewareError {
  return error instanceof MiddlewareError && error.status === 401;
}

function isBusy(error: unknown): error is MiddlewareError {
  return error instanceof MiddlewareError && (error.code === 'QUEUE_FULL' || error.status === 429);
}
