import type { IncomingMessage } from 'node:http';
import { v4 as uuid } from 'uuid';
import type { WebSocket } from 'ws';
import type { Faults } from './faults.js';

/** Sockets by client id, with ComfyUI's own book-keeping, traps included. */
export class SimulatedSockets {
  readonly #byId = new Map<string, WebSocket>();
  readonly #all = new Set<WebSocket>();
  readonly #faults: Faults;

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  /** Ids of every socket that ever was, in order. */
  readonly clientIds: string[] = [];

  get size(): number {
    return this.#all.size;
  }

  /**
   * Takes a socket. A second one with the same id takes over its messages, and when either is closed the id is
   * forgotten: the other one stays open and deaf.
   */
  add(socket: WebSocket, request: IncomingMessage, hello: (clientId: string) => readonly Message[]): void {
    const clientId = new URL(request.url ?? '/', 'http://localhost').searchParams.get('clientId') || uuid();
    this.clientIds.push(clientId);
    this.#all.add(socket);
    this.#byId.set(clientId, socket);
    socket.on('close', () => {
      this.#all.delete(socket);
      this.#byId.delete(clientId);
    });
    socket.on('error', () => undefined);
    for (const message of hello(clientId)) this.#write(socket, message);
  }

  /** Sends to the socket of one client, or to nobody: nothing is kept. */
  send(clientId: string | undefined, message: Message): void {
    const socket = clientId === undefined ? undefined : this.#byId.get(clientId);
    if (socket) this.#write(socket, message);
  }

  broadcast(message: Message): void {
    for (const socket of this.#byId.values()) this.#write(socket, message);
  }

  /** Sends a preview to everybody: 4 bytes of event type (1), 4 of image format (1, JPEG), then the image. */
  sendPreview(image: Buffer): void {
    for (const socket of this.#all)
      socket.send(Buffer.concat([Buffer.from([0, 0, 0, 1, 0, 0, 0, 1]), image]));
  }

  /** Sends a text frame as it is, for messages that no ComfyUI would send. */
  sendRaw(text: string): void {
    for (const socket of this.#all) socket.send(text);
  }

  /** Cuts every socket, without a closing handshake. */
  drop(): void {
    for (const socket of this.#all) socket.terminate();
  }

  #write(socket: WebSocket, message: Message): void {
    if (!this.#faults.muteSockets) socket.send(JSON.stringify(message));
  }
}

export interface Message {
  readonly type: string;
  readonly data: unknown;
}
