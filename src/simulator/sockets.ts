import type { IncomingMessage } from 'node:http';
import { v4 as uuid } from 'uuid';
import type { WebSocket } from 'ws';
import { z } from 'zod';
import { jsonIfValid } from '../utils/jsonIfValid.js';
import type { Faults, MessageFault } from './faults.js';
import { previewFrame } from './frames.js';
import type { PythonLock } from './PythonLock.js';
import { pythonJson } from './pythonJson.js';

const flagsMessage = z.object({
  type: z.literal('feature_flags'),
  data: z.object({ supports_preview_metadata: z.unknown() }),
});

const HUGE_BYTES = 10_000_000;
const HOLD_MS = 30;
const RUBBISH = ['not JSON', '[]', 'null', '{"type":7}', '{"type":"executed","data":{"prompt_id":7}}'];

const hugeMessage = () => JSON.stringify({ type: 'huge', data: 'x'.repeat(HUGE_BYTES) });

/** Final messages of a prompt that no client submitted. */
function aboutSomebodyElse(): Message[] {
  const data = { prompt_id: uuid() };
  return [
    { type: 'execution_error', data: { ...data, exception_message: 'of somebody else' } },
    { type: 'executed', data: { ...data, node: 'save', output: { images: [{ filename: 'other.png' }] } } },
    { type: 'execution_success', data },
    { type: 'executing', data: { ...data, node: null } },
  ];
}

/** Extra messages sent before a message. */
function companyOf(fault: MessageFault | undefined, text: string): string[] {
  switch (fault) {
    case 'twice':
      return [text];
    case 'strangers':
      return aboutSomebodyElse().map((message) => JSON.stringify(message));
    case 'huge':
      // Not with each of a run's two dozen messages: that would exceed the bandwidth of a network.
      return /"type":"execution_success"/.test(text.slice(0, 100)) ? [hugeMessage()] : [];
    case 'rubbish':
      return RUBBISH;
    default:
      return [];
  }
}

/** Sockets by client id, with ComfyUI's bookkeeping and its protocol traps. */
export class SimulatedSockets {
  readonly #byId = new Map<string, WebSocket>();
  readonly #all = new Set<WebSocket>();
  readonly #faults: Faults;
  /** Half-open sockets: nothing is read or sent. */
  readonly #frozen = new WeakSet<WebSocket>();
  /** Sockets whose first message declared support for previews with metadata. */
  readonly #knowing = new WeakSet<WebSocket>();
  readonly #lock: PythonLock;
  readonly #features: () => Record<string, unknown>;
  /** Messages held back to send them in the wrong order. */
  #held: Array<() => void> = [];

  /**
   * @param lock nothing is sent while it is held
   * @param features the server's response to a client's feature flags
   */
  constructor(faults: Faults, lock: PythonLock, features: () => Record<string, unknown>) {
    this.#faults = faults;
    this.#lock = lock;
    this.#features = features;
  }

  /** Client ids of all sockets so far, in order. */
  readonly clientIds: string[] = [];

  get size(): number {
    return this.#all.size;
  }

  /**
   * Adds a socket. A second socket with the same id takes over its messages. When either closes, the id is removed: the other
   * socket stays open but gets no messages.
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
    socket.on('ping', (data) => {
      if (!this.#frozen.has(socket)) this.#lock.run(() => socket.pong(data));
    });
    socket.once('message', (data, isBinary) => {
      if (!isBinary) this.#onFirst(socket, String(data));
    });
    for (const message of hello(clientId)) this.#write(socket, message);
  }

  /** Sends to the socket of one client. The message is dropped if the client has no socket. */
  send(clientId: string | undefined, message: Message): void {
    const socket = clientId === undefined ? undefined : this.#byId.get(clientId);
    if (socket) this.#write(socket, message);
  }

  /** Sends what a node says. Without a client id, it goes to all sockets, as in ComfyUI. */
  tell(clientId: string | undefined, what: Message | Buffer): void {
    const one = clientId === undefined ? undefined : this.#byId.get(clientId);
    const sockets = clientId === undefined ? [...this.#byId.values()] : one ? [one] : [];
    for (const socket of sockets) {
      if (!Buffer.isBuffer(what)) this.#write(socket, what);
      else if (!this.#isDeaf(socket)) this.#lock.run(() => socket.send(what));
    }
  }

  broadcast(message: Message): void {
    for (const socket of this.#byId.values()) this.#write(socket, message);
  }

  /** Sends a preview without a prompt id to all sockets. */
  sendPreview(image: Buffer): void {
    for (const socket of this.#all) socket.send(previewFrame(image));
  }

  /** Whether a client's socket declared support for previews with metadata. */
  knowsMetadata(clientId: string | undefined): boolean {
    const socket = clientId === undefined ? undefined : this.#byId.get(clientId);
    return socket !== undefined && this.#knowing.has(socket);
  }

  /** Sends a preview to one client's socket, in the format that it supports; without a client id, to all sockets. */
  sendPreviewTo(
    clientId: string | undefined,
    { plain, withMetadata }: { plain: () => Buffer; withMetadata: () => Buffer },
  ): void {
    const socket = clientId === undefined ? undefined : this.#byId.get(clientId);
    if (clientId === undefined) this.tell(clientId, plain());
    if (!socket || this.#isDeaf(socket)) return;
    const frame = this.#knowing.has(socket) ? withMetadata() : plain();
    this.#lock.run(() => socket.send(frame));
  }

  /** Sends a raw text frame, for messages that no ComfyUI would send. */
  sendRaw(text: string): void {
    for (const socket of this.#all) socket.send(text);
  }

  /** Closes every socket with a closing handshake. */
  close(): void {
    for (const socket of this.#all) socket.close(1001);
  }

  /** From now on, all packets of the open sockets are lost in both directions. */
  freeze(): void {
    for (const socket of this.#all) {
      this.#frozen.add(socket);
      socket.pause();
    }
  }

  /** Terminates every socket without a closing handshake. */
  drop(): void {
    for (const socket of this.#all) socket.terminate();
  }

  /** Responds to feature flags if they are the first message; later ones are ignored. */
  #onFirst(socket: WebSocket, text: string): void {
    const said = flagsMessage.safeParse(jsonIfValid(text));
    if (!said.success) return;
    if (said.data.data.supports_preview_metadata === true) this.#knowing.add(socket);
    this.#write(socket, { type: 'feature_flags', data: this.#features() });
  }

  #write(socket: WebSocket, message: Message): void {
    if (this.#isDeaf(socket)) return;
    const { messages, rewrite } = this.#faults;
    // Exception messages may contain input numbers that JavaScript cannot represent, and outputs what is no JSON.
    const mayBeOdd = message.type === 'execution_error' || message.type === 'executed';
    const whole = mayBeOdd ? pythonJson(message) : JSON.stringify(message);
    const text = rewrite ? rewrite(Buffer.from(whole)).toString() : whole;
    const send = (one: string) => this.#lock.run(() => socket.send(one));
    if (messages === 'shuffled') this.#hold(() => send(text));
    else for (const one of [...companyOf(messages, text), text]) send(one);
  }

  #isDeaf(socket: WebSocket): boolean {
    return this.#faults.muteSockets || this.#frozen.has(socket);
  }

  /** Sends messages that arrive within a short time in reverse order. */
  #hold(send: () => void): void {
    this.#held.unshift(send);
    if (this.#held.length > 1) return;
    setTimeout(() => {
      for (const held of this.#held.splice(0)) held();
    }, HOLD_MS);
  }
}

export interface Message {
  readonly type: string;
  readonly data: unknown;
}
