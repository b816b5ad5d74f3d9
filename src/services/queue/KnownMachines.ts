/** The machines that the servers know which share their jobs. */
export interface KnownMachines {
  /**
   * Tells the other servers which machines this one knows. Call it every second.
   * @returns the hosts that any server knows: those of a server that told nothing for 30 s are left out
   * @throws the rejection of the store
   */
  tell(hosts: readonly string[]): Promise<ReadonlySet<string>>;
}
