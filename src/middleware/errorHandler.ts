import { type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { v4 as uuid } from 'uuid';
import { AppError, ERROR_STATUS, type ErrorCode } from '../errors.js';
import type { Logger } from '../utils/logger.js';
import { MAX_LOGGED_PATH, requestIdOf } from './requestContext.js';

/** Headers that a route may have set for a response that it could not send. */
const HEADERS_OF_AN_ANSWER = [
  'Content-Type',
  'Content-Length',
  'Content-Disposition',
  'ETag',
  'Last-Modified',
  'Cache-Control',
];

/** Responds to requests that no route handled. */
export const notFound: RequestHandler = (request) => {
  throw new AppError('NOT_FOUND', `There is no ${request.method} ${request.path.slice(0, MAX_LOGGED_PATH)}.`);
};

/** Turns every error into the common JSON format. Unknown errors are logged, and their details are not returned. */
export function errorHandler(logger: Logger): ErrorRequestHandler {
  const log = logger.child({ component: 'http' });
  return (thrown: unknown, request: Request, response: Response, _next) => {
    const error = asAppError(thrown);
    if (error.status === 500) {
      const stack = thrown instanceof Error ? thrown.stack : String(thrown);
      const path = request.path.slice(0, MAX_LOGGED_PATH);
      log.error('Request failed', { requestId: requestIdOf(response), path, stack });
    }
    // Part of the response was sent already: abort it, so that the client notices.
    if (response.headersSent) {
      response.destroy();
      return;
    }
    for (const name of HEADERS_OF_AN_ANSWER) response.removeHeader(name);
    if (error.retryAfterSeconds !== undefined) response.set('Retry-After', String(error.retryAfterSeconds));
    response.status(error.status).json(errorBody(error, requestIdOf(response)));
  };
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

function asAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  // Errors of Express, such as invalid percent-encoding in the path.
  const status = (thrown as { status?: unknown } | null)?.status;
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new AppError('INVALID_PARAMETER', 'The request cannot be read.');
  }
  return new AppError('INTERNAL_ERROR', 'An internal error occurred.', { cause: thrown });
}

/** Responds in JSON to requests that Node rejects: invalid HTTP, headers that are too large or too slow. */
export function answerClientErrors(server: Server): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const code = codeOfClientError(error.code);
    const status = ERROR_STATUS[code];
    const requestId = uuid();
    const body = JSON.stringify({
      error: `The request cannot be read: ${STATUS_CODES[status]}.`,
      code,
      requestId,
      timestamp: new Date().toISOString(),
    });
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json; charset=utf-8\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\nX-Request-ID: ${requestId}\r\nConnection: close\r\n\r\n${body}`,
    );
  });
}

function codeOfClientError(code: string | undefined): ErrorCode {
  if (code === 'HPE_HEADER_OVERFLOW') return 'HEADERS_TOO_LARGE';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'REQUEST_TIMEOUT';
  return 'INVALID_PARAMETER';
}
