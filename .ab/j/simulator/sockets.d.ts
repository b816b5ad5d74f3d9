import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import type { Faults } from './faults.js';
/** Sockets by client id, with ComfyUI's own book-keeping, traps included. */
export declare class SimulatedSockets {
    #private;
    constructor(faults: Faults);
    /** Ids of every socket that ever was, in order. */
    readonly clientIds: string[];
    get size(): number;
    /**
     * Takes a socket. A second one with the same id takes over its messages, and when either is closed the id is
     * forgotten: the other one stays open and deaf.
     */
    add(socket: WebSocket, request: IncomingMessage, hello: (clientId: string) => readonly Message[]): void;
    /** Sends to the socket of one client, or to nobody: nothing is kept. */
    send(clientId: string | undefined, message: Message): void;
    broadcast(message: Message): void;
    /** Sends a preview to everybody: 4 bytes of event type (1), 4 of image format (1, JPEG), then the image. */
    sendPreview(image: Buffer): void;
    /** Sends a text frame as it is, for messages that no ComfyUI would send. */
    sendRaw(text: string): void;
    /** Closes every socket with a closing handshake. */
    close(): void;
    /** From now on packets of the sockets that are open vanish, in both directions. */
    freeze(): void;
    /** Cuts every socket, without a closing handshake. */
    drop(): void;
}
export interface Message {
    readonly type: string;
    readonly data: unknown;
}
