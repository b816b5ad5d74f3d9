/** What each server tells the others about itself, such as the machines that it knows, for as long as it runs. */
export interface Announcements {
  /**
   * Tells the other servers these texts. Call it again and again: texts that no server told for a while are forgotten.
   * @returns the texts of all servers
   * @throws the rejection of the store
   */
  tell(texts: readonly string[]): Promise<ReadonlySet<string>>;
}
