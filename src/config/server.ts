import { z } from 'zod';
import { parseTrustProxy } from '../utils/trustProxy.js';
import { integer, milliseconds, parsedBy, plainUrl, type Values } from './fields.js';

/** Address and shutdown of the server. */
export const serverVariables = {
  ENV_FILE: z.string().min(1).default('.env').describe('a file of further settings').meta({
    meaning:
      'File with further settings. `API_KEYS` and `LOG_LEVEL` in it apply about a second after the file changes, without a restart. The start fails if the file cannot be read; only `.env` need not exist.',
  }),
  PORT: integer(3000, 0, 65_535).meta({ meaning: 'Port to listen on.' }),
  HOST: z
    .string()
    .default('0.0.0.0')
    .describe('an address or host name to listen on')
    .meta({ meaning: 'Address to listen on.' }),
  PUBLIC_URL: plainUrl
    .optional()
    .describe('the http or https URL under which clients reach the server')
    .meta({
      meaning:
        "URL under which clients reach the server. It is used for links in webhooks, and accepted as the server's own origin and host name. Without it, links in webhooks are paths.",
    }),
  TRUST_PROXY: parsedBy(parseTrustProxy)
    .default(false)
    .describe('false, a number of proxies from 1 to 16, or comma-separated addresses, subnets, loopback')
    .meta({
      meaning:
        'Whose `X-Forwarded-For` header is trusted: `false`, a number of proxies, or comma-separated addresses, subnets or `loopback`.',
    }),
  STATE_DIR: z.string().default('./data/state').describe('a folder, or nothing to keep no state').meta({
    meaning:
      'Folder in which the server records what it left on the machines, so that the next start can clean up after a crash. Empty: no records.',
  }),
  SHUTDOWN_TIMEOUT: milliseconds(30_000, 0).meta({
    meaning: 'Milliseconds from SIGTERM to exit, everything included. Running jobs get most of it.',
  }),
};

export const serverConfig = (env: Values<typeof serverVariables>) => ({
  port: env.PORT,
  host: env.HOST,
  publicUrl: env.PUBLIC_URL,
  trustProxy: env.TRUST_PROXY,
  /** Empty to keep no state. */
  stateDir: env.STATE_DIR,
  shutdownTimeoutMs: env.SHUTDOWN_TIMEOUT,
});
