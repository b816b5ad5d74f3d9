import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { AppError } from '../errors.js';
import type { Logger } from '../utils/logger.js';
import { breakOff } from './breakOff.js';
import { afterSmallBody } from './refusedBody.js';
import { MAX_LOGGED_PATH, requestIdOf } from './requestContext.js';

/** Headers that a route may have set before it failed. */
const HEADERS_OF_AN_ANSWER = [
  'Content-Type',
  'Content-Length',
  'Content-Disposition',
  'ETag',
  'Last-Modified',
  'Cache-Control',
];

/**
 * Rejects requests that no route handled.
 * @param hintFor a further sentence for the message, if any
 */
export function notFound(hintFor: (request: Request) => string | undefined): RequestHandler {
  return (request) => {
    const hint = hintFor(request);
    const path = request.path.slice(0, MAX_LOGGED_PATH);
    const message = `There is no endpoint ${request.method} ${path}.`;
    throw new AppError('NOT_FOUND', hint === undefined ? message : `${message} ${hint}`);
  };
}

/** An error response in the format of another API. */
interface OtherForm {
  readonly status: number;
  readonly body: object;
}

/**
 * Sends errors as JSON. Unknown errors are logged, but their message is not sent.
 * @param otherForm error format for the requests of other APIs; `undefined` for all other requests
 */
export function errorHandler(
  logger: Logger,
  otherForm: (request: Request, error: AppError) => OtherForm | undefined = () => undefined,
): ErrorRequestHandler {
  const log = logger.child({ component: 'http' });
  return (thrown: unknown, request: Request, response: Response, _next) => {
    const error = asAppError(thrown);
    if (error.status === 500) {
      const stack = thrown instanceof Error ? thrown.stack : String(thrown);
      const path = request.path.slice(0, MAX_LOGGED_PATH);
      log.error('Request failed', { requestId: requestIdOf(response), path, stack });
    }
    response.locals['errorCode'] = error.code;
    // Part of the response is already sent: the client must notice that it is incomplete.
    if (response.headersSent) {
      breakOff(response);
      return;
    }
    clearAnswer(response);
    if (error.retryAfterSeconds !== undefined) response.set('Retry-After', String(error.retryAfterSeconds));
    const { status, body } = otherForm(request, error) ?? {
      status: error.status,
      body: errorBody(error, requestIdOf(response)),
    };
    afterSmallBody(request, response, () => response.status(status).json(body));
  };
}

/** Removes the headers of a response that failed. */
function clearAnswer(response: Response): void {
  for (const name of HEADERS_OF_AN_ANSWER) response.removeHeader(name);
}

function errorBody(error: AppError, requestId: string): Record<string, unknown> {
  return {
    error: error.message,
    code: error.code,
    details: error.details,
    ...error.fields,
    requestId,
    timestamp: new Date().toISOString(),
  };
}

/** Converts any thrown value to an error with a known code. */
function asAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  // Express' own errors, such as a path that is not valid percent-encoding.
  const status = (thrown as { status?: unknown } | null)?.status;
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new AppError('INVALID_PARAMETER', 'The request cannot be read.');
  }
  return new AppError('INTERNAL_ERROR', 'An internal error occurred.', { cause: thrown });
}
