/** All manual changes to machines at one time. */
export interface MachineChangeTexts {
  /** Differs whenever a text does. */
  readonly version: string;
  /** One text for each machine, or each DNS name, that was changed. */
  readonly texts: ReadonlyMap<string, string>;
}

/** Manual changes to machines, as texts by name: shared by all servers that share their jobs. */
export interface MachineChanges {
  /** @throws AppError `QUEUE_UNAVAILABLE` */
  read(): Promise<MachineChangeTexts>;
  /**
   * Replaces one text, unless another server replaced any since this version was read: whether a name or an address is free depends
   * on all of them.
   * @param text undefined to delete it
   * @returns whether it was replaced
   * @throws AppError `QUEUE_UNAVAILABLE`
   */
  replace(version: string, name: string, text: string | undefined): Promise<boolean>;
}
