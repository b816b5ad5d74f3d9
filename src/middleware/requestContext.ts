import type { Response } from 'express';
import { v4 as uuid } from 'uuid';
import type { AnsweredRequest } from '../services/metrics/Prometheus.js';
import type { Logger } from '../utils/logger.js';
import { ownerOf } from './authentication.js';
import type { Check } from './checks.js';

/** Request ids that are accepted from clients: short, and harmless in a log line and a header. */
const SANE_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/** Characters of a path that logs and messages show. */
export const MAX_LOGGED_PATH = 200;

/** The id of the request that `response` answers. */
export function requestIdOf(response: Response): string {
  return response.locals['requestId'] as string;
}

/**
 * Gives every request an id, in the response and in the log, and logs it after the response.
 * @param onClosed called once per request, whether it was answered or the client disconnected
 */
export function requestContext(
  logger: Logger,
  onClosed: (request: AnsweredRequest, response: Response) => void,
): Check {
  const log = logger.child({ component: 'http' });
  // Winston asks each of its transports.
  const isVerbose = log.isDebugEnabled();
  return (request, response) => {
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
      if (isQuiet && !isVerbose) return;
      const fields = {
        requestId,
        method: request.method,
        // Without the query, which may contain secrets.
        path: request.originalUrl.split('?', 1)[0]?.slice(0, MAX_LOGGED_PATH),
        status: response.statusCode,
        durationMs: Math.round(durationMs),
        key: ownerOf(response),
        aborted: response.writableFinished ? undefined : true,
      };
      if (isQuiet) log.debug('Request', fields);
      else log.info('Request', fields);
    });
  };
}

/** Load balancers send these every second or so, and polling clients even more often. */
function isRoutine(url: string): boolean {
  return /^\/((status|health|livez|readyz|metrics)\b|api\/jobs\/[^/]+\/status$)/.test(url);
}
