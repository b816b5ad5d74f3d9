declare const SCOPES: readonly ["submit", "admin"];
/** `submit`: everything about one's own jobs, and the figures. `admin`: every job, and what changes the server. */
export type Scope = (typeof SCOPES)[number];
/** A key as it is kept: only its digest, so that no log and no dump of the configuration can show it. */
export interface ApiKey {
    readonly name: string;
    readonly scope: Scope;
    readonly digest: Buffer;
}
/**
 * Reads a comma-separated list of `key`, `name:key` or `name:scope:key`. A key that has no name is `key-1`,
 * `key-2`, … by its place; one that has no scope may submit.
 * @returns undefined when an entry is not of that form, too short, or a name or key comes twice
 */
export declare function parseApiKeys(list: string): ApiKey[] | undefined;
/**
 * The key that was presented. Digests are compared, each in constant time and all of them, so that the time says
 * neither how much of a key was right nor which one it is.
 */
export declare function findApiKey(keys: readonly ApiKey[], presented: string): ApiKey | undefined;
export {};
