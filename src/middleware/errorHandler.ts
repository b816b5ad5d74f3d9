import { type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { v4 as uuid } from 'uuid';
import { AppError, ERROR_STATUS, type ErrorCode } from '../errors.js';
import type { Logger } from '../utils/logger.js';
import { MAX_LOGGED_PATH, requestIdOf } from './requestContext.js';

/** What a route may have said about an answer that it could not give. */
const HEADERS_OF_AN_ANSWER = [
  'Content-Type',
  'Content-Length',
  'Content-Disposition',
  'ETag',
  'Last-Modified',
  'Cache-Control',
];

/** Answers everything that no route took. */
export const notFound: RequestHandler = (request) => {
  throw new AppError('NOT_FOUND', `There is no ${request.method} ${request.path.slice(0, MAX_LOGGED_PATH)}.`);
};

/** How an error is answered in a form that is not this server's own. */
interface OtherForm {
  readonly status: number;
  readonly body: object;
}

/**
 * Turns whatever was thrown into JSON. Unknown errors are logged and not told.
 * @param otherForm for requests whose clients expect errors in another form; undefined for all others
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
    // Half an answer is out already: the client must see that it is broken.
    if (response.headersSent) {
      response.destroy();
      return;
    }
    clearAnswer(response);
    if (error.retryAfterSeconds !== undefined) response.set('Retry-After', String(error.retryAfterSeconds));
    const { status, body } = otherForm(request, error) ?? {
      status: error.status,
      body: errorBody(error, requestIdOf(response)),
    };
    response.status(status).json(body);
  };
}

/** Takes back what a route said about an answer that it could not give. */
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

/** Whatever was thrown as an error whose code is known. */
function asAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  // Express' own errors, such as a path that is not valid percent-encoding.
  const status = (thrown as { status?: unknown } | null)?.status;
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new AppError('INVALID_PARAMETER', 'The request cannot be read.');
  }
  return new AppError('INTERNAL_ERROR', 'An internal error occurred.', { cause: thrown });
}

/** Answers in JSON what Node refuses before there is a request: broken HTTP, headers too large or too slow. */
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
