import { createSession, type Session } from 'better-sse';
import type { Request, Response } from 'express';
import type { Caller } from '../middleware/authentication.js';
import { untilClosing } from '../middleware/untilClosing.js';
import { whileAllowed } from '../middleware/whileAllowed.js';
import type { Services } from '../services/Services.js';

/** Interval of comments, ms: proxies would close a quiet stream. */
const HEARTBEAT_MS = 15_000;
const COMMENT = ':\n\n';
/**
 * Maximum number of unread bytes before another event: a slower client is disconnected. It can reconnect and gets the
 * current state first. A single event may be larger, because a job may have a thousand outputs.
 */
const MAX_BUFFERED_BYTES = 64 * 1024;

interface StreamOptions {
  readonly services: Pick<Services, 'keys' | 'closing'>;
  /** Whether a caller may have the stream. It ends when this is false because the keys were replaced. */
  readonly isAllowed: (caller: Caller) => boolean;
  /** Unread bytes beyond which a client is disconnected. */
  readonly maxBufferedBytes?: number;
}

/** An open response with server-sent events. */
export class EventStream {
  readonly #session: Session;
  readonly #response: Response;
  readonly #maxBufferedBytes: number;

  private constructor(session: Session, response: Response, maxBufferedBytes: number) {
    this.#session = session;
    this.#response = response;
    this.#maxBufferedBytes = maxBufferedBytes;
  }

  /** Opens a stream as the response; `undefined` for a request of the headers only, and if the client has left. */
  static async open(
    request: Request,
    response: Response,
    { services, isAllowed, maxBufferedBytes = MAX_BUFFERED_BYTES }: StreamOptions,
  ): Promise<EventStream | undefined> {
    if (request.method === 'HEAD') {
      response.type('text/event-stream').end();
      return undefined;
    }
    if (response.destroyed) return undefined;
    // Its own comments would not stop if the client leaves before the stream is open.
    const session = await createSession(request, response, { keepAlive: null });
    if (response.destroyed) return undefined;
    const stream = new EventStream(session, response, maxBufferedBytes);
    whileAllowed(services.keys, response, isAllowed, () => stream.end());
    untilClosing(services.closing.signal, response, () => stream.end());
    const heartbeat = setInterval(() => response.write(COMMENT), HEARTBEAT_MS);
    stream.onClose(() => clearInterval(heartbeat));
    return stream;
  }

  send(event: string, body: object, id = ''): void {
    if (!this.#session.isConnected || this.#response.writableEnded) return;
    if (this.waitingBytes > this.#maxBufferedBytes) this.#response.destroy();
    else this.#session.push(body, event, id);
  }

  /** Bytes that the client has not read yet. */
  get waitingBytes(): number {
    return this.#response.writableLength;
  }

  end(): void {
    this.#response.end();
  }

  /** Calls `listener` when the stream ends, whoever ended it. */
  onClose(listener: () => void): void {
    if (this.#response.destroyed) listener();
    else this.#response.once('close', listener);
  }
}
