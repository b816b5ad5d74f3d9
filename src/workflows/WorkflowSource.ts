import type { Workflow } from './types.js';

/** The workflows that there are now. Workflows of files come and go while the server runs. */
export interface WorkflowSource {
  /** In the order of documents. */
  all(): readonly Workflow[];
  get(type: string): Workflow | undefined;
  /** Calls `listener` after each change. */
  onChange(listener: () => void): void;
}

/** Workflows that never change. */
export function fixedWorkflows(workflows: readonly Workflow[]): WorkflowSource {
  return {
    all: () => workflows,
    get: (type) => workflows.find((workflow) => workflow.type === type),
    onChange: () => undefined,
  };
}
