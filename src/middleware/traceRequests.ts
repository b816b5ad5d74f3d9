import type { RequestHandler, Response } from 'express';
import type { Span } from '../services/tracing/Tracer.js';
import type { Tracing } from '../services/tracing/Tracing.js';
import { traceIdOf } from '../services/tracing/traceId.js';
import { isRoutine } from './routine.js';

/**
 * Creates a span for each request, except routine ones, as a child of the client's `traceparent`. Everything that the
 * request causes, such as a job, belongs to the span.
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

/** Returns the trace id of a request, for log lines; `undefined` if tracing is off. */
export function requestTraceId(response: Response): string | undefined {
  const span = response.locals['span'] as Span | undefined;
  return traceIdOf(span?.traceparent);
}
