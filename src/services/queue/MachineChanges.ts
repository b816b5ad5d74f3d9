/** What was said of machines by hand, as texts by name: for all servers that share their jobs. */
export interface MachineChanges {
  /** @throws AppError `QUEUE_UNAVAILABLE` */
  all(): Promise<ReadonlyMap<string, string>>;
  /** @param text undefined to forget what was said. @throws AppError `QUEUE_UNAVAILABLE` */
  put(name: string, text: string | undefined): Promise<void>;
}
