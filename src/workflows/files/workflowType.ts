import { AppError } from '../../errors.js';
import { invalidWorkflow, quoted } from './workflowError.js';

const TYPE = /^[a-z0-9][a-z0-9-]{0,63}$/;

/** Names that routes of the server itself have, now or soon. */
const RESERVED = new Set([
  'admin',
  'assets',
  'async',
  'circuit-breakers',
  'docs',
  'events',
  'graph',
  'health',
  'inputs',
  'instances',
  'jobs',
  'keys',
  'metrics',
  'openapi',
  'outputs',
  'prompts',
  'queue',
  'session',
  'status',
  'uploads',
  'v1',
  'v2',
  'webhooks',
  'workflows',
]);

/** The type of the workflow in a file of this name: in lower case, with other characters as hyphens. */
export function typeFromFileName(name: string): string {
  return name
    .replace(/\.[^.]*$/, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
}

/**
 * Checks the name of a workflow.
 * @param builtIn types of the workflows that are written in TypeScript
 * @throws AppError `INVALID_WORKFLOW`, `WORKFLOW_BUILT_IN`
 */
export function checkType(type: string, builtIn: ReadonlySet<string>): void {
  if (!TYPE.test(type)) {
    const takes = 'takes 1 to 64 lower-case letters, digits and hyphens, and no hyphen at the beginning';
    throw invalidWorkflow(`The name of a workflow ${takes}, but was ${quoted(type)}.`);
  }
  if (RESERVED.has(type)) throw invalidWorkflow(`The server itself uses the name ${quoted(type)}.`);
  if (builtIn.has(type)) {
    throw new AppError(
      'WORKFLOW_BUILT_IN',
      `The workflow ${quoted(type)} is built in and cannot be changed.`,
    );
  }
}
