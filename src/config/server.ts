import { z } from 'zod';
import { parseTrustProxy } from '../utils/trustProxy.js';
import { integer, milliseconds, parsedBy, plainUrl, type Values } from './fields.js';

/** Where the server listens, and how it ends. */
export const serverVariables = {
  ENV_FILE: z.string().min(1).default('.env').describe('a file of further settings'),
  PORT: integer(3000, 0, 65_535),
  HOST: z.string().default('0.0.0.0').describe('an address or host name to listen on'),
  PUBLIC_URL: plainUrl.optional().describe('the http or https URL under which clients reach the server'),
  TRUST_PROXY: parsedBy(parseTrustProxy)
    .default(false)
    .describe('false, a number of proxies from 1 to 16, or comma-separated addresses, subnets, loopback'),
  STATE_DIR: z.string().default('./data/state').describe('a folder, or nothing to keep no state'),
  SHUTDOWN_TIMEOUT: milliseconds(30_000, 0),
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
