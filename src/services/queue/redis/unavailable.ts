import { AppError, messageOf } from '../../../errors.js';

/** Seconds after which a client may try again: Redis is available again soon, or an operator has to do something. */
const RETRY_SECONDS = 2;

/**
 * The same object, whose asynchronous methods tell clients what is the matter when Redis fails: `QUEUE_UNAVAILABLE`.
 * @param target with methods alone; of classes with private fields, too
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

function fail(error: unknown): never {
  if (!isOutage(error)) throw error;
  throw new AppError('QUEUE_UNAVAILABLE', 'The queue is not available at present.', {
    retryAfterSeconds: RETRY_SECONDS,
    cause: new Error(messageOf(error), { cause: error }),
  });
}

const NAMES: ReadonlySet<string> = new Set(['ReplyError', 'MaxRetriesPerRequestError', 'AbortError']);

/** What ioredis says of a connection that does not work, and Node of its socket. */
const MESSAGES =
  /Connection is closed|isn't writeable|Command timed out|Not connected to Redis|Connection closed/;
const CODES = /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_)/;

/** Whether Redis, or the way to it, failed: the callers' own errors, such as of a function handed in, are no outage. */
function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  return NAMES.has(error.name) || MESSAGES.test(error.message) || CODES.test(code);
}
