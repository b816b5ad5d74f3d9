import { z } from 'zod';
import { AppError } from '../errors.js';
import type { Workflow } from './types.js';

/**
 * Stands for the workflow of a job whose definition is gone. The job can still be looked at; to run it fails.
 * @param type as the job has it
 */
export function lostWorkflow(type: string): Workflow {
  return {
    type,
    title: type,
    description: 'The definition of this workflow is gone.',
    estimateSeconds: 1,
    files: [],
    parameters: z.object({}),
    outputs: [],
    isBuiltIn: false,
    build: () => {
      throw new AppError('WORKFLOW_NOT_FOUND', `The definition of the workflow "${type}" is gone.`);
    },
    requires: { nodes: [], models: [] },
  };
}
