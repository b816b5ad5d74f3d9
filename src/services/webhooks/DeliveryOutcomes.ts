import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import { traceIdOf } from '../tracing/traceId.js';
import type { Delivery } from './Delivery.js';
import type { Attempt } from './WebhookSender.js';

/** Attempts to remember per delivery; in a day there are about 30. */
const MAX_REMEMBERED = 50;

/** Records how deliveries go: in their state, in the log, and in counts since the server started. */
export class DeliveryOutcomes {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #counts = { delivered: 0, failedAttempts: 0, givenUp: 0 };

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  get counts(): { readonly delivered: number; readonly failedAttempts: number; readonly givenUp: number } {
    return { ...this.#counts };
  }

  /** Records an attempt. The caller calls `note` when the state is complete. */
  remember(delivery: Delivery, { status, error }: Attempt): void {
    const { record } = delivery;
    record.nextAttempt = undefined;
    record.attempts.push({
      time: this.#clock.now(),
      ...(status === undefined ? {} : { status }),
      ...(error === undefined ? {} : { error }),
    });
    if (record.attempts.length > MAX_REMEMBERED) record.attempts.shift();
    if (error === undefined) {
      this.#counts.delivered += 1;
      record.state = 'delivered';
      // It may have been withdrawn in the meantime.
      record.reason = undefined;
      this.#logger.info('Webhook delivered', logFields(delivery));
      return;
    }
    this.#counts.failedAttempts += 1;
    this.#logger.debug('Webhook attempt failed', { ...logFields(delivery), error });
  }

  /** Ends a delivery that failed for good. */
  giveUp(delivery: Delivery, reason: string): void {
    this.#counts.givenUp += 1;
    end(delivery, reason);
    this.#logger.warn('Webhook given up', { ...logFields(delivery), error: reason });
  }

  /** Ends a delivery that nobody wants any more: it has not failed. */
  withdraw(delivery: Delivery, reason: string): void {
    end(delivery, reason);
    this.#logger.info('Webhook withdrawn', { ...logFields(delivery), reason });
  }
}

function end({ record, held }: Delivery, reason: string): void {
  record.state = 'given_up';
  record.reason = reason;
  record.nextAttempt = undefined;
  held.note();
}

function logFields({ order, record }: Delivery) {
  const { jobId, requestId, traceparent } = order;
  return { jobId, requestId, traceId: traceIdOf(traceparent), attempts: record.attempts.length };
}
