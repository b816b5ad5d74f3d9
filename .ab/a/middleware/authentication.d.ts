import type { RequestHandler, Response } from 'express';
import { type ApiKey, type Scope } from '../utils/apiKeys.js';
/** Who sent a request, as far as that is known. */
export interface Caller {
    /** What limits are counted by: the key's name, or the address. */
    readonly id: string;
    /** The key that was presented, if it is one of the configured ones. */
    readonly key: {
        readonly name: string;
        readonly scope: Scope;
    } | undefined;
    /** Whether there are keys at all: where there are none, everybody may do everything. */
    readonly areKeysNeeded: boolean;
}
/**
 * Finds out who sends each request. Refuses nobody: see `requireKey` and `requireAdmin`.
 * @param trustsProxies whether a proxy's word counts for the address: looking for it costs every request a little
 */
export declare function identify(keys: readonly ApiKey[], trustsProxies: boolean): RequestHandler;
/** Who sent the request that `response` answers. */
export declare function callerOf(response: Response): Caller;
/** The key that a request's job belongs to; undefined where there are no keys. */
export declare function ownerOf(response: Response): string | undefined;
/** Whether the caller may see and change what belongs to `owner`. */
export declare function mayUse({ areKeysNeeded, key }: Caller, owner: string | undefined): boolean;
/** Whose jobs a list may show: undefined for everybody's. */
export declare function listedOwner(response: Response): string | undefined;
/** Lets nobody in who has no key, where there are keys. */
export declare const requireKey: RequestHandler;
/** The same for everything below `/api`, in whatever case: routes do not tell them apart either. */
export declare const requireApiKey: RequestHandler;
/** Lets only keys of the scope admin through, where there are keys. */
export declare const requireAdmin: RequestHandler;
