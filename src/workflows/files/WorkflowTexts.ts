/** Workflows that servers share, as `writeWorkflow` wrote them. */
export interface WorkflowTexts {
  /** By type, what changes whenever the text does. */
  versions(): Promise<ReadonlyMap<string, string>>;
  /** By type; those that are gone meanwhile are left out. */
  read(types: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** @returns whether there was none of this type */
  put(type: string, version: string, text: string): Promise<boolean>;
  /** @returns whether there was one */
  delete(type: string): Promise<boolean>;
}
