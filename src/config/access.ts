import { parseApiKeys } from '../utils/apiKeys.js';
import { splitList } from '../utils/lists.js';
import { hostList, integer, parsedBy, type Values } from './fields.js';

/** Origins of apps and extensions, such as `app://obsidian.md`: browsers send these literally, although `URL.origin` has none for them. */
const OPAQUE_ORIGIN = /^(null|file:\/\/|[a-z][a-z0-9+.-]*:\/\/[a-z0-9._-]+(:\d{1,5})?)$/;

/** Parses `*`, or origins as browsers send them: scheme, host and port, no path. */
function parseOrigins(text: string): '*' | string[] | undefined {
  if (text === '*') return '*';
  const origins = splitList(text);
  return origins.length > 0 && origins.every(isOrigin) ? origins : undefined;
}

function isOrigin(text: string): boolean {
  const { origin } = URL.canParse(text) ? new URL(text) : { origin: 'null' };
  return origin === 'null' ? OPAQUE_ORIGIN.test(text) : origin === text;
}

/** Access to the server, and its limits. */
export const accessVariables = {
  API_KEYS: parsedBy(parseApiKeys)
    .optional()
    .describe(
      'comma-separated key, name:key or name:scope:key, each key once and of at least 16 characters, no name like key-0123456789ab',
    )
    .meta({
      meaning:
        'API keys, comma-separated: `key`, `name:key` or `name:scope:key`. The scope is `submit` (default) or `admin`. A key has at least 16 characters, for example from `openssl rand -hex 24`. Jobs belong to the name; a key without a name gets one from its hash, such as `key-0123456789ab`. Empty: everyone has access.',
    }),
  CORS_ORIGINS: parsedBy(parseOrigins)
    .optional()
    .describe('*, or comma-separated origins such as https://app.example.com, app://obsidian.md or null')
    .meta({
      meaning:
        'Origins whose pages may use the server from a browser: `*`, or a comma-separated list such as `https://app.example.com`. Pages of other origins cannot change anything (403). Origins of apps and extensions, such as `app://obsidian.md` and `file://`, are accepted too. `null` lets in files and sandboxed frames, which any page can open.',
    }),
  ALLOWED_HOSTS: hostList.meta({
    meaning:
      'Additional `Host` names, comma-separated, that a server on a loopback address without API keys accepts: on any port, or as `name:port` on one.',
  }),
  RATE_LIMIT_PER_MINUTE: integer(0, 0, 1_000_000_000).meta({
    meaning:
      'Requests per minute and client. Beyond it, requests fail with 429 `RATE_LIMITED`. 0: no limit. An open page needs 20 a minute, with its Fleet view 80, and up to 60 more while it follows a job.',
  }),
  MAX_OPEN_REQUESTS_PER_CLIENT: integer(256, 1, 1_000_000).meta({
    meaning:
      'Requests that one client may have open at the same time. A client is an API key, an IPv4 address or an IPv6 /64 network.',
  }),
};

export const accessConfig = (env: Values<typeof accessVariables>) => ({
  keys: env.API_KEYS ?? [],
  origins: env.CORS_ORIGINS,
  allowedHosts: env.ALLOWED_HOSTS,
  /** 0 for no limit. */
  requestsPerMinute: env.RATE_LIMIT_PER_MINUTE,
  maxOpenRequests: env.MAX_OPEN_REQUESTS_PER_CLIENT,
});
