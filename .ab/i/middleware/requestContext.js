import { v4 as uuid } from 'uuid';
import { ownerOf } from './authentication.js';
/** What is taken from a client as a request's id: short, and harmless in a log line and a header. */
const SANE_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;
/** The id of the request that `response` answers. */
export function requestIdOf(response) {
    return response.locals['requestId'];
}
/**
 * Gives every request its id, on the response and in the log, and logs it once it was answered.
 * @param onClosed called once for every request, answered or hung up on
 */
export function requestContext(logger, onClosed) {
    const log = logger.child({ component: 'http' }); const isDebug = log.isDebugEnabled();
    return (request, response, next) => {
        const given = request.headers['x-request-id'];
        const requestId = typeof given === 'string' && SANE_ID.test(given) ? given : uuid();
        response.locals['requestId'] = requestId;
        response.setHeader('X-Request-ID', requestId);
        const startedAt = performance.now();
        response.on('close', () => {
            const durationMs = performance.now() - startedAt;
            const answered = {
                method: request.method,
                route: String(request.route?.path ?? 'unmatched'),
                code: response.statusCode,
                seconds: durationMs / 1000,
            };
            onClosed(answered, response);
            const isQuiet = isRoutine(request.originalUrl);
            if (isQuiet && !isDebug)
                return;
            const fields = {
                requestId,
                method: request.method,
                // The path alone: a query may carry what is nobody's business.
                path: request.originalUrl.split('?', 1)[0]?.slice(0, 200),
                status: response.statusCode,
                durationMs: Math.round(durationMs),
                key: ownerOf(response),
                aborted: response.writableFinished ? undefined : true,
            };
            if (isQuiet)
                log.debug('Request', fields);
            else
                log.info('Request', fields);
        });
        next();
    };
}
/** A load balancer asks these every second or so, a client that polls even more often. */
function isRoutine(url) {
    return /^\/((status|health|metrics)\b|api\/jobs\/[^/]+\/status$)/.test(url);
}
//# sourceMappingURL=requestContext.js.map