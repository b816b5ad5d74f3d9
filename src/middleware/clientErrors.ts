import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { v4 as uuid } from 'uuid';
import { ERROR_STATUS, type ErrorCode } from '../errors.js';

/** Node emits one of them for each request. */
const REQUEST_EVENTS = ['request', 'checkContinue', 'checkExpectation'] as const;

/**
 * Sends JSON for requests that Node rejects before the app sees them: invalid HTTP, and headers that are too large or
 * too slow. Responses to earlier requests of the connection are complete before that.
 */
export function answerClientErrors(server: Server): void {
  const lastResponses = new WeakMap<Socket, ServerResponse>();
  const remember = (request: IncomingMessage, response: ServerResponse) => {
    lastResponses.set(request.socket, response);
  };
  for (const event of REQUEST_EVENTS) server.on(event, remember);

  const waiting = new WeakSet<Socket>();
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    // Node reports the same error again for each part that follows.
    if (waiting.has(socket)) return;
    const last = lastResponses.get(socket);
    if (last && !last.req.complete) endWithin(last, socket, error);
    else if (last && !last.writableFinished) {
      waiting.add(socket);
      // Node no longer notices that the client hung up.
      socket.once('end', () => socket.destroy());
      last.once('finish', () => {
        // A request that was only too slow may have arrived after all, and its response may have begun.
        if (lastResponses.get(socket) === last) reject(socket, error);
        else socket.destroy();
      });
    } else reject(socket, error);
  });
}

/** Ends a connection because of an error in the body of its last request. */
function endWithin(response: ServerResponse, socket: Socket, error: NodeJS.ErrnoException): void {
  const isItsTurn = response.socket === socket;
  // The app has responded without reading the whole body: a second response would be taken for that of another request.
  if (response.writableFinished || (isItsTurn && response.writableEnded)) socket.end();
  else if (isItsTurn && !response.headersSent) reject(socket, error);
  // The client must notice that the response is incomplete.
  else socket.destroy();
}

function reject(socket: Socket, error: NodeJS.ErrnoException): void {
  // The last response may have closed the connection.
  if (!socket.writable) return;
  const code = codeOf(error);
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
}

function codeOf({ code }: NodeJS.ErrnoException): ErrorCode {
  if (code === 'HPE_HEADER_OVERFLOW') return 'HEADERS_TOO_LARGE';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'REQUEST_TIMEOUT';
  return 'INVALID_PARAMETER';
}
