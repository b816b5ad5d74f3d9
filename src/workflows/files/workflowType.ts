import { AppError } from '../../errors.js';
import { invalidWorkflow, quoted } from './workflowError.js';

const TYPE = /^[a-z0-9][a-z0-9-]{0,63}$/;

/** Names of the server's own paths, now or later. */
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

/**
 * The type of a workflow file: its name in lower case, letters without their accents, and hyphens for other
 * characters.
 */
export function typeFromFileName(name: string): string {
  return name
    .replace(/\.[^.]*$/, '')
    .normalize('NFKD')
    .replaceAll(/\p{M}+/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
}

/**
 * Checks the name of a workflow.
 * @param builtIn types of the built-in workflows
 * @throws AppError `INVALID_WORKFLOW`, `WORKFLOW_BUILT_IN`
 */
export function checkType(type: string, builtIn: ReadonlySet<string>): void {
  if (!TYPE.test(type)) {
    const rule = 'must have 1 to 64 lower-case letters, digits and hyphens, and must not start with a hyphen';
    throw invalidWorkflow(`The name of a workflow ${rule}, but was ${quoted(type)}.`);
  }
  if (RESERVED.has(type))
    throw invalidWorkflow(`The name ${quoted(type)} is reserved for the server itself.`);
  if (builtIn.has(type)) {
    throw new AppError(
      'WORKFLOW_BUILT_IN',
      `The workflow ${quoted(type)} is built in and cannot be changed.`,
    );
  }
}
