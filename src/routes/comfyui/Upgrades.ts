import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Express } from 'express';

/** What a request that wants to become a WebSocket came with. */
export interface Upgrade {
  readonly socket: Duplex;
  readonly head: Buffer;
}

/**
 * Requests that want to become WebSockets. They go through the app like any other, with keys, limits and the log, until a
 * route takes their socket; what refuses them answers over HTTP.
 */
export class Upgrades {
  readonly #waiting = new WeakMap<IncomingMessage, Upgrade>();
  /** Sockets that were handed over and are open. */
  readonly #open = new Set<Duplex>();

  /** For the server's event `upgrade`. */
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
   * Hands the socket over: it is no HTTP any more. For the log and the limits the response lasts as long as the socket.
   * @returns undefined for a request that is none of those
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

  /** Cuts off what became WebSockets. */
  closeAll(): void {
    for (const socket of this.#open) socket.destroy();
  }

  /** Whether the request wants to become a WebSocket. */
  has(request: IncomingMessage): boolean {
    return this.#waiting.has(request);
  }
}
