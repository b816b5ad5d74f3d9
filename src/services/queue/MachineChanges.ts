/** Manual changes to machines, as texts by name: shared by all servers that share their jobs. */
export interface MachineChanges {
  /** @throws AppError `QUEUE_UNAVAILABLE` */
  all(): Promise<ReadonlyMap<string, string>>;
  /** @param text undefined to delete the change. @throws AppError `QUEUE_UNAVAILABLE` */
  put(name: string, text: string | undefined): Promise<void>;
}
