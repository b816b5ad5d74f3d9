import { v4 as uuid } from 'uuid';
import WebSocket from 'ws';
import type { Logger } from '../../utils/logger.js';
import { type PromptMessage, parseFrame } from './protocol.js';

/** Who follows one prompt on a socket. */
export interface PromptListener {
  onMessage(message: PromptMessage): void;
  /** The socket is gone: nothing about this prompt will come any more. */
  onDisconnect(): void;
}

export interface SocketOptions {
  /** `ws://host:port`, with no slash at its end. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly handshakeTimeoutMs: number;
  /** A ping is sent this often; a socket that was silent since the one before is taken for dead. */
  readonly heartbeatMs: number;
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
  #heartbeat: NodeJS.Timeout | undefined;
  #heard = true;

  constructor(options: SocketOptions) {
    this.#logger = options.logger;
    this.#ws = new WebSocket(`${options.url}/ws?clientId=${this.clientId}`, {
      headers: { ...options.headers },
      handshakeTimeout: options.handshakeTimeoutMs,
      maxPayload: MAX_FRAME_BYTES,
      perMessageDeflate: false,
      followRedirects: false,
    });
    this.opened = new Promise((resolve, reject) => {
      this.#ws.once('open', () => {
        this.#heartbeat = setInterval(() => this.#beat(), options.heartbeatMs);
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
    // Binary frames are previews.
    if (isBinary) return;
    const frame = parseFrame(String(data));
    if (frame.kind === 'malformed') {
      this.#logger.warn('Malformed message from ComfyUI', { reason: frame.reason });
    } else if (frame.kind === 'message') {
      this.#listeners.get(frame.message.data.prompt_id)?.onMessage(frame.message);
    }
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
