/** The machines that were taken out of service manually, for all servers that share their jobs. */
export interface ForcedHosts {
  /**
   * Informs all servers. After a failure it is repeated, unless this server ends before.
   * @returns when they can know, or it is clear that it takes longer. Never rejects
   */
  set(host: string, isForced: boolean): Promise<void>;
  /** Calls `listener` with all of these hosts at least after each change. @returns a function that removes it */
  onHosts(listener: (hosts: ReadonlySet<string>) => void): () => void;
}
