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

/** Characters of a path that logs and messages show. */
export const MAX_LOGGED_PATH = 200;

/** The id of the request that `response` answers. */
export function requestIdOf(response: Response): string {
  return response.locals['requestId'] as string;
}

/** What an error answer says; undefined for any other. */
function errorCodeOf(response: Response): ErrorCode | undefined {
  return response.locals['errorCode'] as ErrorCode | undefined;
}

interface ContextOptions {
  /** Called once for every request, answered or hung up on. */
  readonly onClosed: (request: AnsweredRequest, response: Response) => void;
  /** Whether a proxy's word counts for the client's address: looking for it costs every request a little. */
  readonly trustsProxies: boolean;
}

/** Gives every request its id, on the response and in the log, and logs it once it was answered. */
export function requestContext(logger: Logger, { onClosed, trustsProxies }: ContextOptions): Check {
  const log = logger.child({ component: 'http' });
  return (request, response) => {
    const given = request.headers['x-request-id'];
    const requestId = typeof given === 'string' && SANE_ID.test(given) ? given : uuid();
    response.locals['requestId'] = requestId;
    response.setHeader('X-Request-ID', requestId);
    const startedAt = performance.now();
    // Once the connection is closed, nobody knows it any more.
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
