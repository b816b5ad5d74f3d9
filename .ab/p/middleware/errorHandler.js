import { STATUS_CODES } from 'node:http';
import { v4 as uuid } from 'uuid';
import { AppError, ERROR_STATUS } from '../errors.js';
import { requestIdOf } from './requestContext.js';
/** Answers everything that no route took. */
export const notFound = (request) => {
    throw new AppError('NOT_FOUND', `There is no ${request.method} ${request.path.slice(0, 200)}.`);
};
/** Turns whatever was thrown into the one JSON form of errors. Unknown errors are logged and not told. */
export function errorHandler(logger) {
    const log = logger.child({ component: 'http' });
    return (thrown, request, response, _next) => {
        const error = asAppError(thrown);
        if (error.status === 500) {
            const stack = thrown instanceof Error ? thrown.stack : String(thrown);
            log.error('Request failed', { requestId: requestIdOf(response), path: request.path, stack });
        }
        // Half an answer is out already: the client must see that it is broken.
        if (response.headersSent) {
            response.destroy();
            return;
        }
        if (error.retryAfterSeconds !== undefined)
            response.set('Retry-After', String(error.retryAfterSeconds));
        response.status(error.status).json(errorBody(error, requestIdOf(response)));
    };
}
function errorBody(error, requestId) {
    return {
        error: error.message,
        code: error.code,
        details: error.details,
        ...error.fields,
        requestId,
        timestamp: new Date().toISOString(),
    };
}
function asAppError(thrown) {
    if (thrown instanceof AppError)
        return thrown;
    // Express' own errors, such as a path that is not valid percent-encoding.
    const status = thrown?.status;
    if (typeof status === 'number' && status >= 400 && status < 500) {
        return new AppError('INVALID_PARAMETER', 'The request cannot be read.');
    }
    return new AppError('INTERNAL_ERROR', 'An internal error occurred.', { cause: thrown });
}
/** Answers in JSON what Node refuses before there is a request: broken HTTP, headers too large or too slow. */
export function answerClientErrors(server) {
    server.on('clientError', (error, socket) => {
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
        socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json; charset=utf-8\r\n` +
            `Content-Length: ${Buffer.byteLength(body)}\r\nX-Request-ID: ${requestId}\r\nConnection: close\r\n\r\n${body}`);
    });
}
function codeOfClientError(code) {
    if (code === 'HPE_HEADER_OVERFLOW')
        return 'HEADERS_TOO_LARGE';
    if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
        return 'REQUEST_TIMEOUT';
    return 'INVALID_PARAMETER';
}
//# sourceMappingURL=errorHandler.js.map