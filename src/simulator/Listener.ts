import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { onWebSocket } from '../utils/onWebSocket.js';

interface Handlers {
  onRequest(request: IncomingMessage, response: ServerResponse): void;
  /** Whether a socket may be opened. May resolve late if the response is delayed. */
  maySocket(request: IncomingMessage): Promise<boolean>;
  onSocket(socket: WebSocket, request: IncomingMessage): void;
}

/** The machine's port, which stays the same when the machine is unplugged and plugged in again. */
export class Listener {
  readonly #handlers: Handlers;
  #http: Server | undefined;
  #port = 0;

  constructor(handlers: Handlers) {
    this.#handlers = handlers;
  }

  get isRunning(): boolean {
    return this.#http !== undefined;
  }

  /** 0 until the first `start`. */
  get port(): number {
    return this.#port;
  }

  async start(port: number, host: string): Promise<void> {
    const http = createServer((request, response) => this.#handlers.onRequest(request, response));
    const ws = new WebSocketServer({ noServer: true, autoPong: false });
    onWebSocket(http, (request, socket, head) => void this.#upgrade(ws, request, socket, head));
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject);
      http.listen(port, host, resolve);
    });
    this.#http = http;
    this.#port = (http.address() as AddressInfo).port;
  }

  /** Closes every HTTP connection and accepts no new ones. */
  async stop(): Promise<void> {
    const http = this.#http;
    this.#http = undefined;
    http?.closeAllConnections();
    await new Promise<void>((resolve) => (http ? http.close(() => resolve()) : resolve()));
  }

  async #upgrade(ws: WebSocketServer, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => undefined);
    const mayEnter = /^(\/api)?\/ws\b/.test(request.url ?? '') && (await this.#handlers.maySocket(request));
    if (!mayEnter || !this.isRunning) socket.destroy();
    else ws.handleUpgrade(request, socket, head, (one) => this.#handlers.onSocket(one, request));
  }
}
