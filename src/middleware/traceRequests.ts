import type { RequestHandler, Response } from 'express';
import type { Span } from '../services/tracing/Tracer.js';
import type { Tracing } from '../services/tracing/Tracing.js';
import { traceIdOf } from '../services/tracing/traceId.js';
import { isRoutine } from './routine.js';

/**
 * Makes a span of each request that is no routine, as a part of the trace that the client's `traceparent` names. Whatever the
 * request sets off belongs to it, such as a job.
 */
export function traceRequests(tracing: Tracing): RequestHandler {
  return (request, response, next) => {
    if (isRoutine(request)) return next();
    const { method } = request;
    const given = request.headers['traceparent'];
    const span = tracing.span(method, {
      kind: 'server',
      parent: typeof given === 'string' ? given : undefined,
      attributes: { 'http.request.method': method, 'url.path': request.path },
    });
    response.locals['span'] = span;
    response.on('close', () => {
      const route = request.route?.path === undefined ? undefined : String(request.route.path);
      if (route !== undefined) span.rename(`${method} ${route}`);
      span.set({ 'http.route': route, 'http.response.status_code': response.statusCode });
      const isFailed = response.statusCode >= 500;
      span.end(isFailed ? { error: `status ${response.statusCode}` } : {});
    });
    tracing.within(span, next);
  };
}

/** The trace that a request belongs to, for log lines; undefined where nothing is traced. */
export function requestTraceId(response: Response): string | undefined {
  const span = response.locals['span'] as Span | undefined;
  return traceIdOf(span?.traceparent);
}
