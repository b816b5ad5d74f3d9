import { choice, flag, type Values } from './fields.js';

const PERMISSIONS = ['all', 'admin', 'none'] as const;

/** Entrances beside the REST API, and what they let in. */
export const apiVariables = {
  COMFY_API: flag(true).meta({
    meaning: 'Serve the [Comfy API v2](Comfy_API.md) at `/api/v2`, which the official SDKs use.',
  }),
  ALLOW_RAW_WORKFLOWS: choice(PERMISSIONS).optional().describe(PERMISSIONS.join(', ')).meta({
    meaning:
      'Who may submit graphs of their own: `all`, `admin` (keys of scope admin) or `none`. Unset: `all` without keys, `admin` with keys.',
  }),
};

export const apiConfig = (env: Values<typeof apiVariables>) => ({
  /** Whether there is `/api/v2`. */
  hasComfyApi: env.COMFY_API,
  /** Who may send graphs of their own; undefined for all where there are no keys, and for admins where there are. */
  rawWorkflows: env.ALLOW_RAW_WORKFLOWS,
});
