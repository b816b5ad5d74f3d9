/** The machines that were taken out of service by hand, for all servers that share their jobs. */
export interface ForcedHosts {
  /**
   * Tells all servers. What cannot be told now is told later, unless this server ends before.
   * @returns once they can know, or it is clear that it takes longer. Never rejects
   */
  set(host: string, isForced: boolean): Promise<void>;
  /** Calls `listener` with all of them at least as often as that changes. @returns what ends it */
  onHosts(listener: (hosts: ReadonlySet<string>) => void): () => void;
}
