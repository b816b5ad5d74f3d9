import { choice, flag, type Values } from './fields.js';

const PERMISSIONS = ['all', 'admin', 'none'] as const;

/** APIs besides the REST API, and who may use them. */
export const apiVariables = {
  COMFY_API: flag(true).meta({
    meaning: 'Serve the [Comfy API v2](Comfy_API.md) at `/api/v2`, which the official SDKs use.',
  }),
  ALLOW_RAW_WORKFLOWS: choice(PERMISSIONS).optional().describe(PERMISSIONS.join(', ')).meta({
    meaning:
      'Who may submit graphs of their own: `all`, `admin` (keys of scope admin) or `none`. Unset: `all` without keys, `admin` with keys. With keys, it also decides whose requests are forwarded to a machine.',
  }),
};

export const apiConfig = (env: Values<typeof apiVariables>) => ({
  /** Whether `/api/v2` is served. */
  hasComfyApi: env.COMFY_API,
  /** Who may submit their own graphs. `undefined`: everyone without keys, admins with keys. */
  rawWorkflows: env.ALLOW_RAW_WORKFLOWS,
});
