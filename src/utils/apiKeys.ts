import { createHash, timingSafeEqual } from 'node:crypto';
import { splitList } from './lists.js';

const SCOPES = ['submit', 'admin'] as const;

/** `submit`: one's own jobs, and metrics. `admin`: every job, and changes to the server. */
type Scope = (typeof SCOPES)[number];

/** A stored key: only its hash, so that no log and no dump of the configuration can reveal it. */
export interface ApiKey {
  readonly name: string;
  readonly scope: Scope;
  readonly digest: Buffer;
}

/** Shorter keys can be guessed. */
const MIN_LENGTH = 16;
const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const KEY = /^[\x21-\x7e]+$/;
/** Names of keys without a name; the others may not look like them. */
const UNNAMED = /^key-[0-9a-f]{12}$/;
/** Makes the hash in a name different from the stored digest, of which a log must not reveal a part. */
const NAME_PURPOSE = 'comfyui-express-middleware: name of an API key\n';

/**
 * Parses a comma-separated list of `key`, `name:key` or `name:scope:key`. A key without a name gets one such as
 * `key-0123456789ab` from its hash; one without a scope may submit.
 * @returns undefined if an entry is invalid or too short, a name or key is repeated, or a name looks like one from a hash
 */
export function parseApiKeys(list: string): ApiKey[] | undefined {
  const keys: ApiKey[] = [];
  for (const entry of splitList(list)) {
    const parts = entry.split(':');
    const secret = parts.at(-1) ?? '';
    const given = parts.length > 1 ? parts[0] : undefined;
    const name = given ?? unnamedName(secret);
    const scope = SCOPES.find((known) => known === (parts.length === 3 ? parts[1] : 'submit'));
    if (parts.length > 3 || !NAME.test(name) || !scope) return undefined;
    if (given !== undefined && UNNAMED.test(given)) return undefined;
    if (secret.length < MIN_LENGTH || !KEY.test(secret)) return undefined;
    const digest = digestOf(secret);
    if (keys.some((other) => other.name === name || other.digest.equals(digest))) return undefined;
    keys.push({ name, scope, digest });
  }
  return keys;
}

/** Finds the presented key. All hashes are compared, each in constant time, so that the duration reveals nothing. */
export function findApiKey(keys: readonly ApiKey[], presented: string): ApiKey | undefined {
  const digest = digestOf(presented);
  let found: ApiKey | undefined;
  for (const key of keys) if (timingSafeEqual(key.digest, digest)) found = key;
  return found;
}

/**
 * The name depends on nothing but the key: jobs and files belong to a name, so a position in the list would give them to
 * the next key when one before it is removed.
 */
function unnamedName(secret: string): string {
  return `key-${digestOf(NAME_PURPOSE + secret)
    .toString('hex')
    .slice(0, 12)}`;
}

function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
