import type { Dispatcher } from 'undici';
import { countDown, DeadlineExceeded } from '../../utils/deadline.js';
import { joined } from '../../utils/joined.js';

/** Limits of one request with its response. */
export interface ExchangeLimits {
  /** From connecting to the last byte of the response. */
  readonly timeoutMs: number;
  /** Maximum size of the response. */
  readonly maxBytes: number;
  readonly signal: AbortSignal | undefined;
}

/** A response that was read completely. */
export interface Exchanged {
  readonly status: number;
  /** `undefined` if the body is, or will be, larger than the limit. */
  readonly bytes: Buffer | undefined;
  /** The header `Content-Type`. */
  readonly type: string | undefined;
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Returns the header `Content-Type`. @param headers by name in lower case */
export function typeOf({ 'content-type': type }: Headers): string | undefined {
  return Array.isArray(type) ? type[0] : type;
}

/**
 * Sends a request and collects the response, without a stream and an abort signal for each response (see the performance guide).
 * @throws DeadlineExceeded after the timeout, the signal's reason if it is aborted, otherwise the client's error
 */
export function exchange(
  client: Dispatcher,
  options: Dispatcher.DispatchOptions,
  limits: ExchangeLimits,
): Promise<Exchanged> {
  return new Promise((resolve, reject) => {
    limits.signal?.throwIfAborted();
    client.dispatch(options, new Collector(limits, resolve, reject));
  });
}

/** Receives one response. */
class Collector implements Dispatcher.DispatchHandler {
  readonly #limits: ExchangeLimits;
  readonly #resolve: (answer: Exchanged) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #onAbort = () => this.#giveUp(this.#limits.signal?.reason);
  readonly #stopTimer: () => void;
  readonly #parts: Buffer[] = [];
  #length = 0;
  #status = 0;
  #type: string | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #isOver = false;

  constructor(
    limits: ExchangeLimits,
    resolve: (answer: Exchanged) => void,
    reject: (reason: unknown) => void,
  ) {
    const { timeoutMs, signal } = limits;
    this.#limits = limits;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#stopTimer = countDown(timeoutMs, () =>
      this.#giveUp(new DeadlineExceeded(`not done within ${timeoutMs} ms`)),
    );
    signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // It was given up while it waited for a connection.
    if (this.#isOver) controller.abort(new Error('given up'));
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Headers): void {
    this.#status = status;
    this.#type = typeOf(headers);
    if (Number(headers['content-length'] ?? 0) > this.#limits.maxBytes) this.#refuse();
  }

  onResponseData(_: Dispatcher.DispatchController, part: Buffer): void {
    this.#length += part.length;
    if (this.#length > this.#limits.maxBytes) this.#refuse();
    else this.#parts.push(part);
  }

  onResponseEnd(): void {
    if (this.#end()) this.#resolve({ status: this.#status, bytes: joined(this.#parts), type: this.#type });
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    if (this.#end()) this.#reject(error);
  }

  /** Too large: the rest is not read. */
  #refuse(): void {
    if (!this.#end()) return;
    this.#resolve({ status: this.#status, bytes: undefined, type: this.#type });
    this.#controller?.abort(new Error('too large'));
  }

  #giveUp(reason: unknown): void {
    if (!this.#end()) return;
    this.#reject(reason);
    this.#controller?.abort(new Error('given up'));
  }

  /** Returns whether it was not over yet. */
  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#stopTimer();
    this.#limits.signal?.removeEventListener('abort', this.#onAbort);
    return true;
  }
}
