import { z } from 'zod';
import { AppError } from '../errors.js';
import type { Workflow } from './types.js';

/**
 * A placeholder for the workflow of a job whose definition is lost. The job can still be read; running it fails.
 * @param type of the job
 */
export function lostWorkflow(type: string): Workflow {
  return {
    type,
    title: type,
    description: 'The definition of this workflow is lost.',
    estimateSeconds: 1,
    files: [],
    parameters: z.object({}),
    outputs: [],
    isBuiltIn: false,
    build: () => {
      throw new AppError('WORKFLOW_NOT_FOUND', `The definition of the workflow "${type}" is lost.`);
    },
    requires: { nodes: [], models: [] },
  };
}
