import type { ClientSocket } from './ClientSocket.js';

/**
 * Clients' sockets by the id that they chose. As in ComfyUI, a later socket with the same id takes the place of an earlier one,
 * which stays open and hears nothing more. Ids of different keys have nothing to do with each other.
 */
export class ClientSockets {
  readonly #sockets = new Map<string, ClientSocket>();
  readonly #all = new Set<ClientSocket>();

  /** Sockets that are open. */
  get size(): number {
    return this.#all.size;
  }

  /** @returns what takes it away again; another socket that took its place stays (in ComfyUI it goes deaf) */
  add(owner: string | undefined, clientId: string, socket: ClientSocket): () => void {
    const key = keyOf(owner, clientId);
    this.#sockets.set(key, socket);
    this.#all.add(socket);
    return () => {
      this.#all.delete(socket);
      if (this.#sockets.get(key) === socket) this.#sockets.delete(key);
    };
  }

  /** The socket that hears what is for this client. */
  get(owner: string | undefined, clientId: string | undefined): ClientSocket | undefined {
    return clientId === undefined ? undefined : this.#sockets.get(keyOf(owner, clientId));
  }

  /** Tells everybody something that the next message makes up for. */
  broadcast(text: string): void {
    for (const socket of this.#sockets.values()) socket.sendIfQuick(text);
  }
}

function keyOf(owner: string | undefined, clientId: string): string {
  return JSON.stringify([owner ?? null, clientId]);
}
