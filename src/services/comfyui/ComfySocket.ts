import { v4 as uuid } from 'uuid';
import WebSocket from 'ws';
import type { Logger } from '../../utils/logger.js';
import { type PromptMessage, parseFrame } from './protocol.js';

/** Listener to one prompt on a WebSocket. */
export interface PromptListener {
  onMessage(message: PromptMessage): void;
  /** The connection is lost: no more messages about this prompt. */
  onDisconnect(): void;
}

export interface SocketOptions {
  /** `ws://host:port`, without a trailing slash. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly handshakeTimeoutMs: number;
  /** Ping interval; a connection without any message since the previous ping counts as dead. */
  readonly heartbeatMs: number;
  readonly logger: Logger;
}

/** Previews have a few hundred KB; anything near this is not from ComfyUI. */
const MAX_FRAME_BYTES = 32 * 1024 * 1024;

/**
 * One WebSocket to ComfyUI under a unique id. The id is never reused: a second connection with the same id goes deaf
 * when the first one is closed (protocol trap 3). Many prompts share a connection; messages are dispatched by prompt
 * id.
 */
export class ComfySocket {
  /** The `client_id` of the prompts. */
  readonly clientId = uuid();
  /** Prompts that currently use this connection. */
  leases = 0;
  /** Settles after the handshake; rejects if there is no connection. */
  readonly opened: Promise<void>;
  /** Resolves, never rejects, when the connection is lost. */
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

  /** Closes the connection immediately; its prompts are notified. */
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

  /** A half-open connection (packets vanish, no close) can only be detected by a ping. */
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
