import { z } from 'zod';
import { parseTrustProxy } from '../utils/trustProxy.js';
import { integer, milliseconds, parsedBy, type Values } from './fields.js';

/** An http(s) URL without credentials, query or fragment; given without a slash at its end. */
function parsePublicUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isPlain = url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (!['http:', 'https:'].includes(url.protocol) || !isPlain) return undefined;
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/** Where the server listens, and how it ends. */
export const serverVariables = {
  PORT: integer(3000, 0, 65_535),
  HOST: z.string().default('0.0.0.0').describe('an address or host name to listen on'),
  PUBLIC_URL: parsedBy(parsePublicUrl)
    .optional()
    .describe('the http or https URL under which clients reach the server'),
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
