import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { type MachinePreview, previewFrame, previewFrameWithMetadata } from '../comfyui/machineMessages.js';

/** Bytes that may wait for a client: beyond the first it gets no previews and no queue lengths, beyond the second it is cut off. */
const MAX_WAITING_FOR_PREVIEWS = 1024 * 1024;
const MAX_WAITING = 16 * 1024 * 1024;

/** One client's WebSocket. A slow reader loses what it can do without, then the socket. */
export class ClientSocket {
  /** It said that it understands previews that name their prompt. */
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

  send(text: string): void {
    if (this.waitingBytes > MAX_WAITING) this.close();
    else this.#send(text);
  }

  /** Something that the next one makes up for. */
  sendIfQuick(data: string | Buffer): void {
    if (this.waitingBytes <= MAX_WAITING_FOR_PREVIEWS) this.#send(data);
  }

  /** @param metadata in the client's words, as JSON; undefined where the machine said nothing of it */
  sendPreview(preview: MachinePreview, metadata: string | undefined): void {
    const { image } = preview;
    const isNamed = this.knowsMetadata && metadata !== undefined;
    const frame = isNamed ? previewFrameWithMetadata(metadata, image) : previewFrame(preview);
    if (frame) this.sendIfQuick(frame);
  }

  /** Cuts the connection. */
  close(): void {
    this.#socket.terminate();
  }

  #send(data: string | Buffer): void {
    // One that is being closed takes nothing more.
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#cork();
    this.#socket.send(data, () => undefined);
  }

  /** Machines send several messages at once: they go on together, as each write costs more than the rest of the work for it. */
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
