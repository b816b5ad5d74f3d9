import { choice, flag, type Values } from './fields.js';

const PERMISSIONS = ['all', 'admin', 'none'] as const;

/** Entrances beside the REST API, and what they let in. */
export const apiVariables = {
  COMFY_API: flag(true),
  ALLOW_RAW_WORKFLOWS: choice(PERMISSIONS).optional().describe(PERMISSIONS.join(', ')),
};

export const apiConfig = (env: Values<typeof apiVariables>) => ({
  /** Whether there is `/api/v2`. */
  hasComfyApi: env.COMFY_API,
  /** Who may send graphs of their own; undefined for all where there are no keys, and for admins where there are. */
  rawWorkflows: env.ALLOW_RAW_WORKFLOWS,
});
