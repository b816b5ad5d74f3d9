import { createHash, timingSafeEqual } from 'node:crypto';
import { splitList } from './lists.js';
const SCOPES = ['submit', 'admin'];
/** Shorter keys can be guessed. */
const MIN_LENGTH = 16;
const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const KEY = /^[\x21-\x7e]+$/;
/**
 * Reads a comma-separated list of `key`, `name:key` or `name:scope:key`. A key that has no name is `key-1`,
 * `key-2`, … by its place; one that has no scope may submit.
 * @returns undefined when an entry is not of that form, too short, or a name or key comes twice
 */
export function parseApiKeys(list) {
    const entries = splitList(list);
    const keys = [];
    for (const [index, entry] of entries.entries()) {
        const parts = entry.split(':');
        const secret = parts.at(-1) ?? '';
        const name = parts.length > 1 ? (parts[0] ?? '') : `key-${index + 1}`;
        const scope = SCOPES.find((known) => known === (parts.length === 3 ? parts[1] : 'submit'));
        if (parts.length > 3 || !NAME.test(name) || !scope)
            return undefined;
        if (secret.length < MIN_LENGTH || !KEY.test(secret))
            return undefined;
        const digest = digestOf(secret);
        if (keys.some((other) => other.name === name || other.digest.equals(digest)))
            return undefined;
        keys.push({ name, scope, digest });
    }
    return keys;
}
/**
 * The key that was presented. Digests are compared, each in constant time and all of them, so that the time says
 * neither how much of a key was right nor which one it is.
 */
export function findApiKey(keys, presented) {
    const digest = digestOf(presented);
    let found;
    for (const key of keys)
        if (timingSafeEqual(key.digest, digest))
            found = key;
    return found;
}
function digestOf(secret) {
    return createHash('sha256').update(secret).digest();
}
//# sourceMappingURL=apiKeys.js.map