import type { Logger } from '../../utils/logger.js';
import { type PromptMessage } from './protocol.js';
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
/**
 * One WebSocket to ComfyUI under an id of its own. The id is never used again: a second socket with the same id
 * goes deaf when the first one is closed (protocol trap 3). Many prompts share a socket; messages go by prompt id.
 */
export declare class ComfySocket {
    #private;
    /** The `client_id` that prompts are submitted with. */
    readonly clientId: string;
    /** Prompts that use this socket at present. */
    leases: number;
    /** Settles when the handshake is over: rejects when there is no socket. */
    readonly opened: Promise<void>;
    /** Resolves, never rejects, when the socket is gone. */
    readonly closed: Promise<void>;
    constructor(options: SocketOptions);
    get isOpen(): boolean;
    /** Sends messages about a prompt to `listener` until the returned function is called. */
    subscribe(promptId: string, listener: PromptListener): () => void;
    /** Drops the socket at once; its prompts are told. */
    terminate(): void;
}
