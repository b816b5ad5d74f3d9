import { AppError, messageOf } from '../../../errors.js';

/** Seconds after which a client may try again: Redis is back soon, or an operator has to do something. */
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
  // Errors of the callers' own, such as of a function that was handed in, and programming errors stay what they are.
  if (error instanceof AppError || error instanceof TypeError) throw error;
  throw new AppError('QUEUE_UNAVAILABLE', 'The queue is not available at present.', {
    retryAfterSeconds: RETRY_SECONDS,
    cause: new Error(messageOf(error), { cause: error }),
  });
}
