import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Express } from 'express';

/** The socket of a request for a WebSocket. */
export interface Upgrade {
  readonly socket: Duplex;
  readonly head: Buffer;
}

/**
 * Requests for WebSockets. They pass through the app like other requests, with keys, limits and logs, until a route
 * takes their socket. Rejections are HTTP responses.
 */
export class Upgrades {
  readonly #waiting = new WeakMap<IncomingMessage, Upgrade>();
  /** Open sockets that were handed over. */
  readonly #open = new Set<Duplex>();

  /** Handles the server's event `upgrade`. */
  handle(app: Express, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as Socket);
    response.once('finish', () => socket.end());
    this.#waiting.set(request, { socket, head });
    app(request, response);
  }

  /**
   * Hands the socket over, which is no longer HTTP. For the log and the limits, the response lasts as long as the
   * socket.
   * @returns `undefined` for any other request
   */
  take(request: IncomingMessage, response: ServerResponse): Upgrade | undefined {
    const upgrade = this.#waiting.get(request);
    if (!upgrade) return undefined;
    this.#waiting.delete(request);
    response.detachSocket(upgrade.socket as Socket);
    response.statusCode = 101;
    this.#open.add(upgrade.socket);
    upgrade.socket.once('close', () => {
      this.#open.delete(upgrade.socket);
      response.emit('close');
    });
    return upgrade;
  }

  /** Closes the sockets that were handed over. */
  closeAll(): void {
    for (const socket of this.#open) socket.destroy();
  }

  /** Returns whether the request asks for a WebSocket. */
  has(request: IncomingMessage): boolean {
    return this.#waiting.has(request);
  }
}
