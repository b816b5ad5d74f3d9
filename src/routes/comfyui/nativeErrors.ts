import type { ErrorRequestHandler, Request, Response } from 'express';
import { asAppError, clearAnswer } from '../../middleware/errorHandler.js';
import { MAX_LOGGED_PATH, requestIdOf } from '../../middleware/requestContext.js';
import type { Logger } from '../../utils/logger.js';

/** An error in the form that ComfyUI's clients know. */
export function errorBody(
  type: string,
  message: string,
  details = '',
  extra: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return { error: { type, message, details, extra_info: extra }, node_errors: {} };
}

/** Turns whatever was thrown into ComfyUI's form of errors. */
export function nativeErrorHandler(logger: Logger): ErrorRequestHandler {
  const log = logger.child({ component: 'http' });
  return (thrown: unknown, request: Request, response: Response, _next) => {
    const error = asAppError(thrown);
    if (error.status === 500) {
      const stack = thrown instanceof Error ? thrown.stack : String(thrown);
      const path = request.path.slice(0, MAX_LOGGED_PATH);
      log.error('Request failed', { requestId: requestIdOf(response), path, stack });
    }
    if (response.headersSent) {
      response.destroy();
      return;
    }
    clearAnswer(response);
    if (error.retryAfterSeconds !== undefined) response.set('Retry-After', String(error.retryAfterSeconds));
    const details = typeof error.details === 'string' ? error.details : '';
    const extra = typeof error.details === 'object' ? error.details : {};
    response.status(error.status).json(errorBody(error.code.toLowerCase(), error.message, details, extra));
  };
}
