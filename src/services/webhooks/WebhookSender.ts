import { Webhook } from 'standardwebhooks';
import { messageOf } from '../../errors.js';
import { DeadlineExceeded, withDeadline } from '../../utils/deadline.js';
import { ownText } from '../../utils/ownText.js';
import { AddressGuard } from '../outbound/AddressGuard.js';
import { OutboundClient } from '../outbound/OutboundClient.js';
import { RefusedAddress } from '../outbound/RefusedAddress.js';
import type { Tracing } from '../tracing/Tracing.js';

export interface WebhookMessage {
  /** The same for every attempt, so that a receiver can detect duplicates. */
  readonly id: string;
  readonly url: string;
  /** JSON. */
  readonly body: string;
  /** The span that contains each attempt. */
  readonly traceparent: string | undefined;
}

/** The outcome of one attempt. */
export interface Attempt {
  /** HTTP status, if there was a response. */
  readonly status: number | undefined;
  /** Why it failed; undefined if it was delivered. */
  readonly error: string | undefined;
  /** Whether further attempts are useless. */
  readonly isFinal: boolean;
  /** The receiver's `Retry-After`, in seconds. */
  readonly retryAfterSeconds: number | undefined;
}

/** Sends messages according to Standard Webhooks (standardwebhooks.com), one attempt per call. */
export class WebhookSender {
  readonly #webhook: Webhook;
  readonly #guard: AddressGuard;
  readonly #client: OutboundClient;
  readonly #timeoutMs: number;
  readonly #tracing: Tracing;

  /**
   * @param options.secret `whsec_` and base64
   * @param options.allowedHosts names and addresses that may be in a private network
   * @param options.timeoutMs of a whole attempt
   * @param options.maxPerHost connections to one host and port at the same time
   */
  constructor(options: {
    secret: string;
    allowedHosts: readonly string[];
    timeoutMs: number;
    maxPerHost: number;
    tracing: Tracing;
  }) {
    this.#tracing = options.tracing;
    this.#webhook = new Webhook(options.secret);
    this.#timeoutMs = options.timeoutMs;
    this.#guard = new AddressGuard({ allowedHosts: options.allowedHosts, setting: 'WEBHOOK_ALLOWED_HOSTS' });
    this.#client = new OutboundClient(this.#guard, options.maxPerHost);
  }

  /** Returns the problem with a URL, as far as known before its name is resolved; `undefined` if it is valid. */
  problemWith(url: string): string | undefined {
    return this.#guard.problemWith(url);
  }

  /** Makes one attempt. Never throws. */
  async send({ id, url, body, traceparent: parent }: WebhookMessage, signal: AbortSignal): Promise<Attempt> {
    const { host } = new URL(url);
    const attributes = { 'http.request.method': 'POST', 'server.address': host, 'webhook.id': id };
    const span = this.#tracing.span('webhook', { kind: 'client', parent, attributes });
    const attempt = await this.#post({ id, url, body, traceparent: span.traceparent }, signal);
    span.set({ 'http.response.status_code': attempt.status });
    span.end({ error: attempt.error });
    return attempt;
  }

  async #post({ id, url, body, traceparent }: WebhookMessage, signal: AbortSignal): Promise<Attempt> {
    const now = new Date();
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'comfyui-express-middleware',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
      'webhook-signature': this.#webhook.sign(id, now, body),
      ...(traceparent === undefined ? {} : { traceparent }),
    };
    try {
      const { status, retryAfterSeconds } = await withDeadline(this.#timeoutMs, signal, (both) =>
        this.#client.post({ url, headers, body, signal: both }),
      );
      return outcomeOf(status, retryAfterSeconds);
    } catch (error) {
      return failureOf(error);
    }
  }

  close(): void {
    this.#client.close();
  }
}

function outcomeOf(status: number, retryAfterSeconds: number | undefined): Attempt {
  const isDelivered = status >= 200 && status < 300;
  return {
    status,
    error: isDelivered ? undefined : `the receiver answered ${status}`,
    // "Gone": the receiver does not want any more messages.
    isFinal: isDelivered || status === 410,
    retryAfterSeconds,
  };
}

function failureOf(error: unknown): Attempt {
  const isTimeout = error instanceof DeadlineExceeded;
  return {
    status: undefined,
    error: isTimeout ? 'the receiver took too long' : ownText(messageOf(error).slice(0, 200)),
    isFinal: error instanceof RefusedAddress,
    retryAfterSeconds: undefined,
  };
}
