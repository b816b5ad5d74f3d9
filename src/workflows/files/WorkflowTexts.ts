/** Workflows that servers share, as written by `writeWorkflow`. */
export interface WorkflowTexts {
  /** By type, a value that changes with the text. */
  versions(): Promise<ReadonlyMap<string, string>>;
  /** By type, without those that were deleted in the meantime. */
  read(types: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** @returns whether the type is new */
  put(type: string, version: string, text: string): Promise<boolean>;
  /** @returns whether it existed */
  delete(type: string): Promise<boolean>;
}
