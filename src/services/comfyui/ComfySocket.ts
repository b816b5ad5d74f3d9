import { v4 as uuid } from 'uuid';
import WebSocket from 'ws';
import type { InstanceAddress } from '../../utils/instanceUrls.js';
import type { Logger } from '../../utils/logger.js';
import { FEATURE_FLAGS, type MachineListener, type MachineMessage, parsePreview } from './machineMessages.js';
import { type PromptMessage, parseFrame } from './protocol.js';

/** Who follows one prompt on a socket. */
export interface PromptListener {
  onMessage(message: PromptMessage): void;
  /** Hears everything as the machine said it, before `onMessage` does. */
  readonly machine: MachineListener;
  /** The socket is gone: nothing about this prompt will come any more. */
  onDisconnect(): void;
}

export interface SocketOptions {
  /** `ws://host:port`, with no slash at its end. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** For `wss`, where it is not as usual. */
  readonly tls: InstanceAddress['tls'];
  readonly handshakeTimeoutMs: number;
  /** A ping is sent this often; a socket that was silent since the one before is taken for dead. */
  readonly heartbeatMs: number;
  /** Called with the number of prompts that the machine has, whoever they are from. */
  onQueue(remaining: number): void;
  readonly logger: Logger;
}

/** Previews are a few hundred KB; anything near this is not from ComfyUI. */
const MAX_FRAME_BYTES = 32 * 1024 * 1024;

/**
 * One WebSocket to ComfyUI under an id of its own. The id is never used again: a second socket with the same id
 * goes deaf when the first one is closed (protocol trap 3). Many prompts share a socket; messages go by prompt id.
 */
export class ComfySocket {
  /** The `client_id` that prompts are submitted with. */
  readonly clientId = uuid();
  /** Prompts that use this socket at present. */
  leases = 0;
  /** Settles when the handshake is over: rejects when there is no socket. */
  readonly opened: Promise<void>;
  /** Resolves, never rejects, when the socket is gone. */
  readonly closed: Promise<void>;
  readonly #ws: WebSocket;
  readonly #logger: Logger;
  readonly #listeners = new Map<string, PromptListener>();
  readonly #onQueue: (remaining: number) => void;
  #heartbeat: NodeJS.Timeout | undefined;
  #heard = true;
  /** The prompt that was heard of last: a machine runs one at a time. */
  #running: string | undefined;

  constructor(options: SocketOptions) {
    this.#logger = options.logger;
    this.#onQueue = (remaining) => options.onQueue(remaining);
    this.#ws = new WebSocket(`${options.url}/ws?clientId=${this.clientId}`, {
      headers: { ...options.headers },
      ...options.tls,
      handshakeTimeout: options.handshakeTimeoutMs,
      maxPayload: MAX_FRAME_BYTES,
      perMessageDeflate: false,
      followRedirects: false,
    });
    this.opened = new Promise((resolve, reject) => {
      this.#ws.once('open', () => {
        this.#heartbeat = setInterval(() => this.#beat(), options.heartbeatMs);
        this.#ws.send(FEATURE_FLAGS);
        resolve();
      });
      this.#ws.once('error', reject);
    });
    this.closed = new Promise((resolve) => {
      this.#ws.once('close', () => {
        this.#onClose();
        resolve();
      });
    });
    this.#ws.on('error', (error) => this.#logger.debug('ComfyUI socket error', { error: error.message }));
    this.#ws.on('message', (data, isBinary) => this.#onFrame(data, isBinary));
    this.#ws.on('pong', () => {
      this.#heard = true;
    });
  }

  get isOpen(): boolean {
    return this.#ws.readyState === WebSocket.OPEN;
  }

  /** Sends messages about a prompt to `listener` until the returned function is called. */
  subscribe(promptId: string, listener: PromptListener): () => void {
    this.#listeners.set(promptId, listener);
    return () => {
      if (this.#listeners.get(promptId) === listener) this.#listeners.delete(promptId);
    };
  }

  /** Drops the socket at once; its prompts are told. */
  terminate(): void {
    this.#ws.terminate();
  }

  #onFrame(data: WebSocket.RawData, isBinary: boolean): void {
    this.#heard = true;
    if (isBinary) {
      if (Buffer.isBuffer(data)) this.#onBinary(data);
      return;
    }
    const frame = parseFrame(String(data));
    if (frame.kind === 'malformed') {
      this.#logger.warn('Malformed message from ComfyUI', { reason: frame.reason });
      return;
    }
    if (frame.kind === 'status') {
      this.#onQueue(frame.queueRemaining);
      return;
    }
    const listener = frame.raw && this.#hearing(frame.raw);
    if (listener && frame.kind === 'message') listener.onMessage(frame.message);
  }

  /** Whoever follows the message's prompt, once it has heard what the machine said. */
  #hearing(raw: MachineMessage): PromptListener | undefined {
    const listener = this.#listeners.get(raw.promptId);
    if (listener) this.#running = raw.promptId;
    listener?.machine.onMessage(raw);
    return listener;
  }

  #onBinary(frame: Buffer): void {
    if (this.#listeners.size === 0) return;
    const preview = parsePreview(frame, this.#running);
    if (preview) this.#listeners.get(preview.promptId)?.machine.onPreview(preview);
  }

  /** A half-open socket (packets vanish, no close) is only ever noticed by asking. */
  #beat(): void {
    if (!this.#heard) {
      this.#logger.warn('ComfyUI socket does not respond, closing it');
      this.terminate();
      return;
    }
    this.#heard = false;
    this.#ws.ping();
  }

  #onClose(): void {
    clearInterval(this.#heartbeat);
    const listeners = [...this.#listeners.values()];
    this.#listeners.clear();
    for (const listener of listeners) listener.onDisconnect();
  }
}
