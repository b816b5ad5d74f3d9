import { z } from 'zod';
import type { Workflow } from './types.js';

/**
 * A placeholder for a workflow that cannot run: its jobs can only be read.
 * @param error creates the error of an attempt to run it
 */
export function unrunnableWorkflow(
  names: Pick<Workflow, 'type' | 'title' | 'description'>,
  error: () => Error,
): Workflow {
  return {
    ...names,
    estimateSeconds: 1,
    files: [],
    parameters: z.object({}),
    outputs: [],
    isBuiltIn: false,
    build: () => {
      throw error();
    },
    requires: { nodes: [], models: [] },
  };
}
