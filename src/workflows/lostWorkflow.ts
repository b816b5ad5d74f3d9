import { AppError } from '../errors.js';
import type { Workflow } from './types.js';
import { unrunnableWorkflow } from './unrunnableWorkflow.js';

/**
 * A placeholder for the workflow of a job whose definition is lost. The job can still be read; running it fails.
 * @param type of the job
 */
export function lostWorkflow(type: string): Workflow {
  const description = 'The definition of this workflow is lost.';
  return unrunnableWorkflow(
    { type, title: type, description },
    () => new AppError('WORKFLOW_NOT_FOUND', `The definition of the workflow "${type}" is lost.`),
  );
}
