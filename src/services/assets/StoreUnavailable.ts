import { AppError, messageOf } from '../../errors.js';

/** `Retry-After` during an outage, seconds: it is over soon, or an operator has to act. */
const RETRY_SECONDS = 2;

/**
 * The asset store does not respond, or its disk is full or broken, as opposed to a store that rejects what it is asked: it may work
 * again at any time.
 */
export class StoreUnavailable extends AppError {
  /** @param cause for the log only: it may name hosts */
  constructor(cause: unknown) {
    super('QUEUE_UNAVAILABLE', 'The asset store is currently not available.', {
      retryAfterSeconds: RETRY_SECONDS,
      cause: new Error(messageOf(cause) || 'no response', { cause }),
    });
  }
}
