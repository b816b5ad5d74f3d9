import { z } from 'zod';
import type { Values } from './fields.js';

export const workflowVariables = {
  WORKFLOWS_DIR: z
    .string()
    .default('./data/workflows')
    .describe('a folder, or nothing for the built-in workflows only')
    .meta({
      meaning:
        'Folder of workflow files (`<type>.json`, and optionally `<type>.yaml`), reloaded when they change. Empty: built-in workflows only.',
    }),
};

export const workflowConfig = (env: Values<typeof workflowVariables>) => ({
  /** Folder of workflow files; empty for the built-in workflows only. */
  directory: env.WORKFLOWS_DIR,
});
