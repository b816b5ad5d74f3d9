import { v4 as uuid } from 'uuid';
import WebSocket from 'ws';
import type { InstanceAddress } from '../../utils/instanceUrls.js';
import type { Logger } from '../../utils/logger.js';
import {
  FEATURE_FLAGS,
  type MachineListener,
  type MachineMessage,
  parseOtherFrame,
  parsePreview,
} from './machineMessages.js';
import { type PromptMessage, parseFrame } from './protocol.js';
import { RunningPrompt } from './RunningPrompt.js';

/** A listener for one prompt on a socket. */
export interface PromptListener {
  onMessage(message: PromptMessage): void;
  /** Gets every message unchanged, before `onMessage`. */
  readonly machine: MachineListener;
  /** The socket has closed: there are no more messages about this prompt. */
  onDisconnect(): void;
}

export interface SocketOptions {
  /** `ws://host:port`, without a slash at the end. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** TLS options for `wss`, if they differ from the defaults. */
  readonly tls: InstanceAddress['tls'];
  readonly handshakeTimeoutMs: number;
  /** Interval of pings; a socket that was silent since the previous ping counts as dead. */
  readonly heartbeatMs: number;
  /** Called with the number of all prompts on the machine, including those of other clients. */
  onQueue(remaining: number): void;
  readonly logger: Logger;
}

/** Previews are a few hundred KB; a frame of nearly this size is not from ComfyUI. */
const MAX_FRAME_BYTES = 32 * 1024 * 1024;

/**
 * One WebSocket to ComfyUI with its own client id. The id is never reused: a second socket with the same id gets no more messages
 * when the first one closes (protocol trap 3). Many prompts share a socket; messages are assigned by prompt id, and those without one
 * to the prompt that runs. Machines send some to all sockets, so while no prompt of this socket runs, they belong to nobody.
 */
export class ComfySocket {
  /** The `client_id` for submissions. */
  readonly clientId = uuid();
  /** Number of prompts that currently use this socket. */
  leases = 0;
  /** Settles after the handshake: rejects if it failed. */
  readonly opened: Promise<void>;
  /** Resolves when the socket has closed; never rejects. */
  readonly closed: Promise<void>;
  readonly #ws: WebSocket;
  readonly #logger: Logger;
  readonly #listeners = new Map<string, PromptListener>();
  readonly #onQueue: (remaining: number) => void;
  #heartbeat: NodeJS.Timeout | undefined;
  #heard = true;
  readonly #running = new RunningPrompt();

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

  /** Passes messages about a prompt to `listener` until the returned function is called. */
  subscribe(promptId: string, listener: PromptListener): () => void {
    this.#listeners.set(promptId, listener);
    return () => {
      if (this.#listeners.get(promptId) === listener) this.#listeners.delete(promptId);
    };
  }

  /** Closes the socket at once and notifies its prompts. */
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
    if (frame.kind === 'unnamed') {
      const promptId = this.#running.id;
      if (promptId !== undefined) this.#hearing({ ...frame.raw, promptId });
      return;
    }
    const listener = frame.raw && this.#hearing(frame.raw);
    if (frame.kind !== 'message') return;
    this.#running.note(frame.message, listener);
    listener?.onMessage(frame.message);
  }

  /** Passes the raw message to the listener of its prompt, and returns that listener. */
  #hearing(raw: MachineMessage): PromptListener | undefined {
    const listener = this.#listeners.get(raw.promptId);
    listener?.machine.onMessage(raw);
    return listener;
  }

  #onBinary(frame: Buffer): void {
    if (this.#listeners.size === 0) return;
    const running = this.#running.id;
    const preview = parsePreview(frame, running);
    if (preview) return void this.#listeners.get(preview.promptId)?.machine.onPreview(preview);
    const other = parseOtherFrame(frame, running);
    if (other) this.#listeners.get(other.promptId)?.machine.onFrame(other);
  }

  /** A half-open socket (packets are lost, no close) can only be detected by pings. */
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
