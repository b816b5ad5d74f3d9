import { messageOf, PromptError } from '../../errors.js';
const REFUSED = new Set([
    'ECONNREFUSED',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'EHOSTDOWN',
]);
const TIMED_OUT = new Set([
    'ETIMEDOUT',
    'UND_ERR_CONNECT_TIMEOUT',
    'UND_ERR_HEADERS_TIMEOUT',
    'UND_ERR_BODY_TIMEOUT',
]);
/**
 * Names what went wrong between this server and an instance. Such failures are the instance's or the network's,
 * so another try makes sense. The error carries no request, which may hold a secret header.
 */
export function transportError(action, error, timedOut) {
    const code = error?.code;
    const reason = timedOut ? 'no answer in time' : (code ?? messageOf(error));
    return new PromptError(`${action} failed: ${reason}`, {
        category: categoryOf(code, timedOut),
        retryable: true,
    });
}
function categoryOf(code, timedOut) {
    if (timedOut || (code && TIMED_OUT.has(code)))
        return 'connection_timeout';
    if (code && REFUSED.has(code))
        return 'connection_refused';
    return 'connection_lost';
}
//# sourceMappingURL=transportErrors.js.map