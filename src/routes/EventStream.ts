import { createSession, type Session } from 'better-sse';
import type { Request, Response } from 'express';

/** Comments that keep proxies from taking a quiet stream for a dead one, ms. */
const HEARTBEAT_MS = 15_000;
/**
 * A reader that has not taken so many bytes when there is more to tell is dropped; it may come back and begins with the state
 * as it is then. One event may be longer: a job may have a thousand outputs.
 */
const MAX_BUFFERED_BYTES = 64 * 1024;

/** An open answer that events are written to. */
export class EventStream {
  readonly #session: Session;
  readonly #response: Response;

  private constructor(session: Session, response: Response) {
    this.#session = session;
    this.#response = response;
  }

  /** Answers with an open stream; undefined where only the headers were asked for. */
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

  /** Calls `listener` once the stream is over, whoever ended it. */
  onClose(listener: () => void): void {
    if (this.#response.closed) listener();
    else this.#response.once('close', listener);
  }
}
