import { ipKeyGenerator } from 'express-rate-limit';
import { AppError } from '../errors.js';
import { findApiKey } from '../utils/apiKeys.js';
/**
 * Finds out who sends each request. Refuses nobody: see `requireKey` and `requireAdmin`.
 * @param trustsProxies whether a proxy's word counts for the address: looking for it costs every request a little
 */
export function identify(keys, trustsProxies) {
    return (request, response, next) => {
        const presented = presentedKey(request);
        const key = presented === undefined ? undefined : findApiKey(keys, presented);
        const caller = {
            id: key ? `key ${key.name}` : networkOf(trustsProxies ? request.ip : request.socket.remoteAddress),
            key,
            areKeysNeeded: keys.length > 0,
        };
        response.locals['caller'] = caller;
        next();
    };
}
/** Who sent the request that `response` answers. */
export function callerOf(response) {
    return response.locals['caller'];
}
/** The key that a request's job belongs to; undefined where there are no keys. */
export function ownerOf(response) {
    // A request that was refused before anybody looked who it is has no caller.
    return response.locals['caller']?.key?.name;
}
/** Whether the caller may see and change what belongs to `owner`. */
export function mayUse({ areKeysNeeded, key }, owner) {
    return !areKeysNeeded || key?.scope === 'admin' || (key !== undefined && key.name === owner);
}
/** Whose jobs a list may show: undefined for everybody's. */
export function listedOwner(response) {
    const { areKeysNeeded, key } = callerOf(response);
    return areKeysNeeded && key?.scope !== 'admin' ? key?.name : undefined;
}
/** Lets nobody in who has no key, where there are keys. */
export const requireKey = (_request, response, next) => {
    const { areKeysNeeded, key } = callerOf(response);
    if (!areKeysNeeded || key)
        return next();
    response.set('WWW-Authenticate', 'Bearer realm="comfyui-express-middleware"');
    throw new AppError('UNAUTHORIZED', 'This needs an API key.', {
        details: 'Send it as "Authorization: Bearer <key>" or "X-API-Key: <key>".',
    });
};
/** The same for everything below `/api`, in whatever case: routes do not tell them apart either. */
export const requireApiKey = (request, response, next) => {
    if (/^\/api(\/|$)/i.test(request.path))
        requireKey(request, response, next);
    else
        next();
};
/** Lets only keys of the scope admin through, where there are keys. */
export const requireAdmin = (_request, response, next) => {
    const { areKeysNeeded, key } = callerOf(response);
    if (!areKeysNeeded || key?.scope === 'admin')
        return next();
    throw new AppError('FORBIDDEN', 'This needs an API key of the scope admin.');
};
/** An IPv6 client has a whole network of addresses to itself. */
function networkOf(address = 'unknown') {
    return address.includes(':') ? ipKeyGenerator(address) : address;
}
function presentedKey(request) {
    const own = request.headers['x-api-key'];
    // Node joins a header that came twice.
    if (own !== undefined)
        return String(own).trim();
    const { authorization } = request.headers;
    return authorization === undefined ? undefined : /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
}
//# sourceMappingURL=authentication.js.map