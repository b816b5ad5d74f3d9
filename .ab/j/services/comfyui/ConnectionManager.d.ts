import type { InstanceAddress } from '../../utils/instanceUrls.js';
import type { Logger } from '../../utils/logger.js';
import { ComfySocket } from './ComfySocket.js';
export interface ConnectionOptions {
    readonly maxPerInstance: number;
    /** Sent with every handshake, such as an authorization; never logged. */
    readonly headers: Readonly<Record<string, string>>;
    readonly handshakeTimeoutMs: number;
    readonly heartbeatMs: number;
    /** First and longest wait before a lost connection is opened again. */
    readonly reconnectBaseMs: number;
    readonly reconnectMaxMs: number;
    /** A socket that lived this long was a good one: the backoff starts anew. */
    readonly stableMs: number;
}
/** A socket that a prompt may use until it calls `release`. */
export interface ConnectionLease {
    readonly socket: ComfySocket;
    release(): void;
}
export interface ConnectionStats {
    readonly total: number;
    readonly connected: number;
    readonly in_use: number;
}
/**
 * A small pool of WebSockets an instance. Sockets are shared: an idle one is preferred, another is opened while
 * there may be more, then the least used one carries one prompt more. A lost one is replaced after a backoff with
 * jitter, under a fresh id; in the meantime its prompts are followed by polling.
 */
export declare class ConnectionManager {
    #private;
    constructor(options: ConnectionOptions, logger: Logger);
    /**
     * Lends a connection.
     * @returns undefined when there is none and none can be had at present: the prompt is then followed by polling
     */
    acquire(address: InstanceAddress): Promise<ConnectionLease | undefined>;
    /** Opens a first connection ahead of the first job. Does nothing when there is one. */
    warmUp(address: InstanceAddress): Promise<void>;
    /** Sockets by host: all, open, and lent. */
    stats(): Record<string, ConnectionStats>;
    /** Closes every socket and forgets every pending reconnection. */
    stop(): Promise<void>;
}
