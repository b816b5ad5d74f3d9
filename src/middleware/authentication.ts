import type { Request, RequestHandler, Response } from 'express';
import { AppError } from '../errors.js';
import { type ApiKey, findApiKey, type Scope } from '../utils/apiKeys.js';
import { clientNetwork } from '../utils/clientNetwork.js';
import type { Check } from './checks.js';

/** The sender of a request, as far as known. */
export interface Caller {
  /** See `clientOf`. */
  readonly id: string;
  /** The key of the request, if it is a configured one. */
  readonly key: { readonly name: string; readonly scope: Scope } | undefined;
  /** Whether keys are configured. Without keys, everyone may do everything. */
  readonly areKeysNeeded: boolean;
}

/**
 * Identifies the sender of each request. Rejects nobody: see `requireKey` and `requireAdmin`.
 * @param trustsProxies whether forwarded addresses count: reading them costs every request a little
 */
export function identify(keys: readonly ApiKey[], trustsProxies: boolean): Check {
  return (request, response) => {
    const presented = presentedKey(request);
    const key = presented === undefined ? undefined : findApiKey(keys, presented);
    const caller: Caller = {
      id: key ? `key ${key.name}` : clientNetwork(trustsProxies ? request.ip : request.socket.remoteAddress),
      key,
      areKeysNeeded: keys.length > 0,
    };
    response.locals['caller'] = caller;
  };
}

/** Who sent the request that `response` answers. */
export function callerOf(response: Response): Caller {
  return response.locals['caller'] as Caller;
}

/** What limits and shares are counted by: the key that a request came with, otherwise the network it came from. */
export function clientOf(response: Response): string {
  return callerOf(response).id;
}

/** The key that a request's job belongs to; undefined where there are no keys. */
export function ownerOf(response: Response): string | undefined {
  // A request that was refused before anybody looked who it is has no caller.
  return (response.locals['caller'] as Caller | undefined)?.key?.name;
}

/** Whether the caller may see and change what belongs to `owner`. */
export function mayUse({ areKeysNeeded, key }: Caller, owner: string | undefined): boolean {
  return !areKeysNeeded || key?.scope === 'admin' || (key !== undefined && key.name === owner);
}

/** Whose jobs a list may show: undefined for everybody's. */
export function listedOwner(response: Response): string | undefined {
  const { areKeysNeeded, key } = callerOf(response);
  return areKeysNeeded && key?.scope !== 'admin' ? key?.name : undefined;
}

/** Lets nobody in who has no key, where there are keys. */
export const requireKey: RequestHandler = (_request, response, next) => {
  const { areKeysNeeded, key } = callerOf(response);
  if (!areKeysNeeded || key) return next();
  response.set('WWW-Authenticate', 'Bearer realm="comfyui-express-middleware"');
  throw new AppError('UNAUTHORIZED', 'This needs an API key.', {
    details: 'Send it as "Authorization: Bearer <key>" or "X-API-Key: <key>".',
  });
};

/** Lets only keys of the scope admin through, where there are keys. */
export const requireAdmin: RequestHandler = (_request, response, next) => {
  const { areKeysNeeded, key } = callerOf(response);
  if (!areKeysNeeded || key?.scope === 'admin') return next();
  throw new AppError('FORBIDDEN', 'This needs an API key of the scope admin.');
};

function presentedKey(request: Request): string | undefined {
  const own = request.headers['x-api-key'];
  // Node joins a header that came twice.
  if (own !== undefined) return String(own).trim();
  const { authorization } = request.headers;
  return authorization === undefined ? undefined : /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
}
