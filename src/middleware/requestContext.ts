import type { RequestHandler, Response } from 'express';
import { v4 as uuid } from 'uuid';
import type { AnsweredRequest } from '../services/metrics/Prometheus.js';
import type { Logger } from '../utils/logger.js';
import { ownerOf } from './authentication.js';

/** What is taken from a client as a request's id: short, and harmless in a log line and a header. */
const SANE_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/** The id of the request that `response` answers. */
export function requestIdOf(response: Response): string {
  return response.locals['requestId'] as string;
}

/** Gives every request its id, on the response and in the log, and logs it once it was answered. */
export function requestContext(
  logger: Logger,
  onAnswered: (request: AnsweredRequest) => void,
): RequestHandler {
  const log = logger.child({ component: 'http' });
  return (request, response, next) => {
    const given = request.get('X-Request-ID');
    const requestId = given !== undefined && SANE_ID.test(given) ? given : uuid();
    response.locals['requestId'] = requestId;
    response.set('X-Request-ID', requestId);
    const startedAt = performance.now();
    response.once('close', () => {
      const durationMs = performance.now() - startedAt;
      onAnswered({
        method: request.method,
        route: String(request.route?.path ?? 'unmatched'),
        code: response.statusCode,
        seconds: durationMs / 1000,
      });
      const isQuiet = isRoutine(request.originalUrl);
      if (isQuiet && !log.isDebugEnabled()) return;
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
      if (isQuiet) log.debug('Request', fields);
      else log.info('Request', fields);
    });
    next();
  };
}

/** A load balancer asks these every second or so, a client that polls even more often. */
function isRoutine(url: string): boolean {
  return /^\/((status|health|metrics)\b|api\/jobs\/[^/]+\/status$)/.test(url);
}
