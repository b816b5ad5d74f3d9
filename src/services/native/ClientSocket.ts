import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import {
  isReplaceable,
  type MachinePreview,
  previewFrame,
  previewFrameWithMetadata,
} from '../comfyui/machineMessages.js';

/**
 * Limits of the bytes that wait for a client. Beyond the first it gets no previews and no queue lengths, beyond the
 * second it is disconnected.
 */
const MAX_WAITING_FOR_PREVIEWS = 1024 * 1024;
const MAX_WAITING = 16 * 1024 * 1024;
/** Close code of a server that shuts down. */
const GOING_AWAY = 1001;
/** Close code for clients that may not have their connection. */
const POLICY_VIOLATION = 1008;

/**
 * WebSocket of a client. A slow client first loses optional messages, then the connection. It never loses an image that is a result
 * of a node: no later one replaces it.
 */
export class ClientSocket {
  /** Whether the client announced that it understands previews with the id of their prompt. */
  knowsMetadata = false;
  readonly #socket: WebSocket;
  readonly #connection: Duplex;
  #isCorked = false;

  /** @param connection what the WebSocket writes to */
  constructor(socket: WebSocket, connection: Duplex) {
    this.#socket = socket;
    this.#connection = connection;
  }

  /** Bytes that wait for the client. */
  get waitingBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send(data: string | Buffer): void {
    if (this.waitingBytes > MAX_WAITING) this.close();
    else this.#send(data);
  }

  /** Sends a message unless the client is slow: the next such message replaces it. */
  sendIfQuick(data: string | Buffer): void {
    if (this.waitingBytes <= MAX_WAITING_FOR_PREVIEWS) this.#send(data);
  }

  /** @param metadata JSON with the ids of the client; `undefined` if the machine sent none */
  sendPreview(preview: MachinePreview, metadata: string | undefined): void {
    const { image } = preview;
    const isNamed = this.knowsMetadata && metadata !== undefined;
    const frame = isNamed ? previewFrameWithMetadata(metadata, image) : previewFrame(preview);
    if (!frame) return;
    if (isReplaceable(preview)) this.sendIfQuick(frame);
    else this.send(frame);
  }

  /** Disconnects the client. */
  close(): void {
    this.#socket.terminate();
  }

  /** Closes the connection of a client whose key is no longer valid, and tells it the reason. */
  dismiss(): void {
    this.#socket.close(POLICY_VIOLATION, 'The API key is no longer valid.');
  }

  /** Closes the connection after the messages that wait, because the server shuts down. */
  sayGoodbye(): void {
    this.#socket.close(GOING_AWAY, 'The server shuts down.');
  }

  #send(data: string | Buffer): void {
    // A closing socket accepts no more messages.
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#cork();
    this.#socket.send(data, () => undefined);
  }

  /** Writes messages that arrive together at once: a system call for each costs more than the rest of the work. */
  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#connection.cork();
    process.nextTick(() => {
      this.#isCorked = false;
      this.#connection.uncork();
    });
  }
}
