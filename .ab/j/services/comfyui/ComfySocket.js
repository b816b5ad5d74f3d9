import { v4 as uuid } from 'uuid';
import WebSocket from 'ws';
import { parseFrame } from './protocol.js';
/** Previews are a few hundred KB; anything near this is not from ComfyUI. */
const MAX_FRAME_BYTES = 32 * 1024 * 1024;
/**
 * One WebSocket to ComfyUI under an id of its own. The id is never used again: a second socket with the same id
 * goes deaf when the first one is closed (protocol trap 3). Many prompts share a socket; messages go by prompt id.
 */
export class ComfySocket {
    /** The `client_id` that prompts are submitted with. */
    clientId = uuid();
    /** Prompts that use this socket at present. */
    leases = 0;
    /** Settles when the handshake is over: rejects when there is no socket. */
    opened;
    /** Resolves, never rejects, when the socket is gone. */
    closed;
    #ws;
    #logger;
    #listeners = new Map();
    #heartbeat;
    #heard = true;
    constructor(options) {
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
    get isOpen() {
        return this.#ws.readyState === WebSocket.OPEN;
    }
    /** Sends messages about a prompt to `listener` until the returned function is called. */
    subscribe(promptId, listener) {
        this.#listeners.set(promptId, listener);
        return () => {
            if (this.#listeners.get(promptId) === listener)
                this.#listeners.delete(promptId);
        };
    }
    /** Drops the socket at once; its prompts are told. */
    terminate() {
        this.#ws.terminate();
    }
    #onFrame(data, isBinary) {
        this.#heard = true;
        // Binary frames are previews.
        if (isBinary)
            return;
        const frame = parseFrame(String(data));
        if (frame.kind === 'malformed') {
            this.#logger.warn('Malformed message from ComfyUI', { reason: frame.reason });
        }
        else if (frame.kind === 'message') {
            this.#listeners.get(frame.message.data.prompt_id)?.onMessage(frame.message);
        }
    }
    /** A half-open socket (packets vanish, no close) is only ever noticed by asking. */
    #beat() {
        if (!this.#heard) {
            this.#logger.warn('ComfyUI socket does not answer, dropping it');
            this.terminate();
            return;
        }
        this.#heard = false;
        this.#ws.ping();
    }
    #onClose() {
        clearInterval(this.#heartbeat);
        const listeners = [...this.#listeners.values()];
        this.#listeners.clear();
        for (const listener of listeners)
            listener.onDisconnect();
    }
}
//# sourceMappingURL=ComfySocket.js.map