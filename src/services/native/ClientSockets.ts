import type { ClientSocket } from './ClientSocket.js';

/**
 * Sockets of clients by the client's own id. As in ComfyUI, a later socket with the same id replaces an earlier one,
 * which stays open but gets no more messages. The ids of different API keys are independent.
 */
export class ClientSockets {
  readonly #sockets = new Map<string, ClientSocket>();
  readonly #all = new Set<ClientSocket>();

  /** Number of open sockets. */
  get size(): number {
    return this.#all.size;
  }

  /**
   * @returns a function that removes the socket, but not another one that replaced it (in ComfyUI, the other one
   * then gets no more messages)
   */
  add(owner: string | undefined, clientId: string, socket: ClientSocket): () => void {
    const key = keyOf(owner, clientId);
    this.#sockets.set(key, socket);
    this.#all.add(socket);
    return () => {
      this.#all.delete(socket);
      if (this.#sockets.get(key) === socket) this.#sockets.delete(key);
    };
  }

  /** Returns the socket that gets the messages for this client. */
  get(owner: string | undefined, clientId: string | undefined): ClientSocket | undefined {
    return clientId === undefined ? undefined : this.#sockets.get(keyOf(owner, clientId));
  }

  /** Sends all clients a message that the next one replaces. */
  broadcast(text: string): void {
    for (const socket of this.#sockets.values()) socket.sendIfQuick(text);
  }
}

function keyOf(owner: string | undefined, clientId: string): string {
  return JSON.stringify([owner ?? null, clientId]);
}
