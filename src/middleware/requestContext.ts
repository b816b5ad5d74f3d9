import type { Response } from 'express';
import { v4 as uuid } from 'uuid';
import type { ErrorCode } from '../errors.js';
import type { AnsweredRequest } from '../services/metrics/Prometheus.js';
import type { Logger } from '../utils/logger.js';
import { ownerOf } from './authentication.js';
import type { Check } from './checks.js';
import { isRoutine } from './routine.js';
import { requestTraceId } from './traceRequests.js';

/** Request ids that are accepted from clients: short, and harmless in a log line and a header. */
const SANE_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/** Maximum number of characters of a path in logs and messages. */
export const MAX_LOGGED_PATH = 200;

/** Returns the id of the request of `response`. */
export function requestIdOf(response: Response): string {
  return response.locals['requestId'] as string;
}

/** Returns the code of an error response; `undefined` for other responses. */
function errorCodeOf(response: Response): ErrorCode | undefined {
  return response.locals['errorCode'] as ErrorCode | undefined;
}

interface ContextOptions {
  /** Called once for every request, after its response or its disconnection. */
  readonly onClosed: (request: AnsweredRequest, response: Response) => void;
  /** Whether forwarded addresses of proxies count: reading them costs every request a little. */
  readonly trustsProxies: boolean;
}

/** Gives every request an id, in the response and in the log, and logs the request after its response. */
export function requestContext(logger: Logger, { onClosed, trustsProxies }: ContextOptions): Check {
  const log = logger.child({ component: 'http' });
  return (request, response) => {
    const given = request.headers['x-request-id'];
    const requestId = typeof given === 'string' && SANE_ID.test(given) ? given : uuid();
    response.locals['requestId'] = requestId;
    response.setHeader('X-Request-ID', requestId);
    const startedAt = performance.now();
    // The address is unknown after the connection is closed.
    const client = trustsProxies ? request.ip : request.socket.remoteAddress;
    response.on('close', () => {
      const durationMs = performance.now() - startedAt;
      const answered = {
        method: request.method,
        route: String(request.route?.path ?? 'unmatched'),
        code: response.statusCode,
        errorCode: errorCodeOf(response),
        seconds: durationMs / 1000,
      };
      onClosed(answered, response);
      const isQuiet = isRoutine(request);
      if (isQuiet && !log.isDebugEnabled()) return;
      const fields = {
        requestId,
        traceId: requestTraceId(response),
        client,
        method: request.method,
        // Without the query, which may contain secrets.
        path: request.originalUrl.split('?', 1)[0]?.slice(0, MAX_LOGGED_PATH),
        status: response.statusCode,
        code: answered.errorCode,
        durationMs: Math.round(durationMs),
        key: ownerOf(response),
        aborted: response.writableFinished ? undefined : true,
      };
      if (isQuiet) log.debug('Request', fields);
      else log.info('Request', fields);
    });
  };
}
