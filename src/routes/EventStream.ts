import { createSession, type Session } from 'better-sse';
import type { Request, Response } from 'express';

/** Interval of comments that keep proxies from closing an idle connection, ms. */
const HEARTBEAT_MS = 15_000;
/**
 * A client that is this many bytes behind is disconnected; after a reconnect it starts with the current state. A
 * single event may be longer: a job may have a thousand outputs.
 */
const MAX_BUFFERED_BYTES = 64 * 1024;

/** An open response that events are written to. */
export class EventStream {
  readonly #session: Session;
  readonly #response: Response;

  private constructor(session: Session, response: Response) {
    this.#session = session;
    this.#response = response;
  }

  /** Responds with an open stream; undefined for a HEAD request. */
  static async open(request: Request, response: Response): Promise<EventStream | undefined> {
    if (request.method === 'HEAD') {
      response.type('text/event-stream').end();
      return undefined;
    }
    return new EventStream(await createSession(request, response, { keepAlive: HEARTBEAT_MS }), response);
  }

  send(event: string, body: object, id = ''): void {
    if (!this.#session.isConnected || this.#response.writableEnded) return;
    if (this.#response.writableLength > MAX_BUFFERED_BYTES) this.#response.destroy();
    else this.#session.push(body, event, id);
  }

  end(): void {
    this.#response.end();
  }

  /** Calls `listener` when the stream has ended, whoever ended it. */
  onClose(listener: () => void): void {
    if (this.#response.closed) listener();
    else this.#response.once('close', listener);
  }
}
