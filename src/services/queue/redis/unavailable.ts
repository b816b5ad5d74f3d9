import { AppError, messageOf } from '../../../errors.js';

/** `Retry-After` during an outage, seconds: it is over soon, or an operator has to act. */
const RETRY_SECONDS = 2;

/**
 * Wraps an object so that its asynchronous methods reject with `QUEUE_UNAVAILABLE` if Redis fails.
 * @param target with methods only; its class may have private fields
 */
export function tellingUnavailable<T extends object>(target: T): T {
  return new Proxy(target, {
    get: (_target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...values: unknown[]) => {
        const answer: unknown = Reflect.apply(value, target, values);
        return answer instanceof Promise ? answer.catch(fail) : answer;
      };
    },
  });
}

/** Returns the error that tells a client to try again soon. */
export function queueUnavailable(cause?: Error): AppError {
  return new AppError('QUEUE_UNAVAILABLE', 'The queue is currently not available.', {
    retryAfterSeconds: RETRY_SECONDS,
    ...(cause ? { cause } : {}),
  });
}

function fail(error: unknown): never {
  if (!isOutage(error)) throw error;
  throw queueUnavailable(new Error(messageOf(error), { cause: error }));
}

const NAMES: ReadonlySet<string> = new Set(['ReplyError', 'MaxRetriesPerRequestError', 'AbortError']);

/** Errors of ioredis about a broken connection, and of Node about its socket. */
const MESSAGES =
  /Connection is closed|isn't writeable|Command timed out|Not connected to Redis|Connection closed/;
const CODES = /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_)/;

/** Whether Redis, or the connection to it, failed: other errors, such as those of a callback, are no outage. */
function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  return NAMES.has(error.name) || MESSAGES.test(error.message) || CODES.test(code);
}
