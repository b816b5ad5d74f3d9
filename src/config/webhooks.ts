import { z } from 'zod';
import { hostList, type Values } from './fields.js';

const secret = z
  .string()
  .regex(/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/)
  .optional()
  .describe('whsec_ and 24 to 64 bytes in base64');

export const webhookVariables = {
  WEBHOOK_SECRET: secret.meta({
    meaning:
      'Signs webhooks (Standard Webhooks): `whsec_` and 24 to 64 bytes in base64, for example from `echo "whsec_$(openssl rand -base64 32)"`. Empty: webhooks are disabled.',
  }),
  WEBHOOK_ALLOWED_HOSTS: hostList.meta({
    meaning:
      'Comma-separated host names and addresses in private networks to which webhooks may be sent: on any port, or as `host:port` on one. Other private addresses are refused.',
  }),
};

export const webhookConfig = (env: Values<typeof webhookVariables>) => ({
  /** undefined: webhooks are disabled. */
  secret: env.WEBHOOK_SECRET,
  /** Hosts with private addresses that are allowed. */
  allowedHosts: env.WEBHOOK_ALLOWED_HOSTS,
});
