/** A slot for one job on a host, which counts for all servers. */
export interface SlotLease {
  /**
   * Releases the slot: this server's next request finds it free. Not awaited; never throws; further calls do nothing.
   */
  release(): void;
}

/** Why there is no slot: the limit of the host, of all hosts together, or of the other servers' slots on the host. */
export type LimitReached = 'limit of host' | 'limit of all' | 'limit of others';

/**
 * Counts the slots on machines that several servers use. A server that has the machines for itself needs none.
 * ¶ Guarantees of an implementation:
 * - Both limits hold whatever servers ask at the same time: a slot is counted and taken atomically. They may be
 * exceeded for a while after an outage longer than a lease.
 * - A lease belongs to its server until it is released; the implementation renews it. If the server is gone, it ends
 * within 15 s.
 * - Every call settles in bounded time. If `acquire` rejects, no slot stays taken.
 */
export interface SlotLeases {
  /**
   * Takes a slot on a host.
   * @param host as all servers spell it
   * @param limitOfOthers maximum number of slots that other servers may have on the host, because the decision for this host has
   * considered so many. Default: no limit
   * @returns the slot, or the limit that is reached: 'limit of all' before 'limit of host' before 'limit of others'. `used` is up to
   * date for the host then
   * @throws the rejection of the connection
   */
  acquire(
    host: string,
    limitPerHost: number,
    limitOfAll: number,
    limitOfOthers?: number,
  ): Promise<SlotLease | LimitReached>;
  /**
   * Calls `listener` with the host when another server released or lost a slot, but not for this server's own
   * releases.
   * @returns a function that removes it
   */
  onReleased(listener: (host: string) => void): () => void;
  /** Slots of other servers by host, as far as this server knows. It may be slightly outdated. */
  used(): ReadonlyMap<string, number>;
}
