/** A place for one job on a host, which counts for all servers. */
export interface SlotLease {
  /**
   * Gives the place back: what this server asks for next finds it free. Nobody waits for it, it never throws, and further
   * calls do nothing.
   */
  release(): void;
}

/** Why there is no place: those of the host are taken, or as many as may be taken on all hosts together. */
export type LimitReached = 'limit of host' | 'limit of all';

/**
 * Counts the places on machines that several servers give their jobs to. A server that has the machines for itself needs
 * none.
 *
 * What an implementation guarantees:
 * - Both limits hold whatever servers ask at the same time: a place is counted and taken in one step. They may be exceeded
 *   for a while after what counts them was away for longer than a lease lasts.
 * - A lease is its server's until it is released; the implementation renews it by itself. When the server is gone it ends
 *   within 15 s.
 * - Every call settles in bounded time. Where `acquire` rejects, no place stays taken.
 */
export interface SlotLeases {
  /**
   * Takes a place on a host.
   * @param host as all servers write it
   * @returns the place, or which limit is reached: 'limit of all' where both are
   * @throws what the connection rejects with
   */
  acquire(host: string, limitPerHost: number, limitOfAll: number): Promise<SlotLease | LimitReached>;
  /**
   * Calls `listener` with the host when another server gave a place back, or lost it. This server knows what it gives
   * back itself, and need not be told.
   * @returns what ends it
   */
  onReleased(listener: (host: string) => void): () => void;
  /** Places that other servers have, by host, as far as this server knows. It may be behind for a moment. */
  used(): ReadonlyMap<string, number>;
}
