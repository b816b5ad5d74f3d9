import type { Request, RequestHandler, Response } from 'express';
import { AppError } from '../errors.js';
import type { ApiKey } from '../utils/apiKeys.js';
import { clientNetwork } from '../utils/clientNetwork.js';
import type { KeyRing } from '../utils/KeyRing.js';
import type { Check } from './checks.js';

/** The sender of a request, as far as known. */
export interface Caller {
  /** See `clientOf`. */
  readonly id: string;
  /** The key of the request, if it is a configured one. */
  readonly key: ApiKey | undefined;
  /** Whether keys are configured. Without keys, everyone may do everything. */
  readonly areKeysNeeded: boolean;
}

/**
 * Identifies the sender of each request. Rejects no request: see `requireKey` and `requireAdmin`.
 * @param trustsProxies whether forwarded addresses count: reading them costs every request a little
 */
export function identify(keys: KeyRing, trustsProxies: boolean): Check {
  return (request, response) => {
    const presented = presentedKey(request);
    const key = presented === undefined ? undefined : keys.find(presented);
    const caller: Caller = {
      id: key ? `key ${key.name}` : clientNetwork(trustsProxies ? request.ip : request.socket.remoteAddress),
      key,
      areKeysNeeded: !keys.isEmpty,
    };
    response.locals['caller'] = caller;
  };
}

/** Returns the caller of the request of `response`. */
export function callerOf(response: Response): Caller {
  return response.locals['caller'] as Caller;
}

/** Returns the unit of limits and shares: the key of a request, otherwise its network. */
export function clientOf(response: Response): string {
  return callerOf(response).id;
}

/** Returns the name of the key that owns a request's job; `undefined` if no keys are configured. */
export function ownerOf(response: Response): string | undefined {
  // A request that was rejected before the check has no caller.
  return (response.locals['caller'] as Caller | undefined)?.key?.name;
}

/** Whether the caller may do what only admins may. */
export function isAdmin({ areKeysNeeded, key }: Caller): boolean {
  return !areKeysNeeded || key?.scope === 'admin';
}

/** Whether the caller may see and change what belongs to `owner`. */
export function mayUse(caller: Caller, owner: string | undefined): boolean {
  return isAdmin(caller) || (caller.key !== undefined && caller.key.name === owner);
}

/** Returns the owner whose jobs a list may show; undefined for all. */
export function listedOwner(response: Response): string | undefined {
  const caller = callerOf(response);
  return isAdmin(caller) ? undefined : caller.key?.name;
}

/** Rejects requests without a key, if keys are configured. */
export const requireKey: RequestHandler = (request, response, next) => {
  const { areKeysNeeded, key } = callerOf(response);
  if (!areKeysNeeded || key) return next();
  response.set('WWW-Authenticate', 'Bearer realm="comfyui-express-middleware"');
  const isUnknown = presentedKey(request) !== undefined;
  throw new AppError(
    'UNAUTHORIZED',
    isUnknown ? 'The server does not know this API key.' : 'This request needs an API key.',
    { details: 'Send a key as "Authorization: Bearer <key>" or "X-API-Key: <key>".' },
  );
};

/** Rejects requests without a key of the scope admin, if keys are configured. */
export const requireAdmin: RequestHandler = (_request, response, next) => {
  if (isAdmin(callerOf(response))) return next();
  throw new AppError('FORBIDDEN', 'This request needs an API key with the scope admin.');
};

function presentedKey(request: Request): string | undefined {
  const own = request.headers['x-api-key'];
  // Node joins repeated headers.
  if (own !== undefined) return String(own).trim();
  const { authorization } = request.headers;
  return authorization === undefined ? undefined : /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
}
