import { AppError } from '../errors.js';
import { nearestName } from '../utils/nearestName.js';
import { quoted } from './files/workflowError.js';
import type { Workflow } from './types.js';

/** Says that a workflow does not exist, with the nearest of the existing names. */
export function noSuchWorkflowText(type: string, existing: readonly Workflow[]): string {
  const nearest = nearestName(
    type,
    existing.map((workflow) => workflow.type),
  );
  const hint = nearest === undefined ? '' : ` The nearest name is "${nearest}".`;
  return `There is no workflow ${quoted(type)}.${hint}`;
}

/** The error for a workflow that does not exist. */
export function noSuchWorkflow(type: string, existing: readonly Workflow[]): AppError {
  return new AppError('WORKFLOW_NOT_FOUND', noSuchWorkflowText(type, existing));
}
