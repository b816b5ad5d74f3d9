import type { Request, Response } from 'express';
import { declaredBytes, declaresBody } from './bodyErrors.js';
import type { Check } from './checks.js';
import { awaitsContinue } from './expectContinue.js';

/** How long a client may continue to send after it got its response, ms. */
const PATIENCE_MS = 5000;

/**
 * An early error response is sent while the body is still arriving. The rest of the body is read and discarded for a
 * moment, so that the client can read its response.
 */
export const limitRefusedBody: Check = (request, response) => {
  if (!declaresBody(request)) return;
  response.once('finish', () => {
    if (request.complete) return;
    const timer = setTimeout(() => request.socket.destroy(), PATIENCE_MS);
    const done = () => clearTimeout(timer);
    request.once('end', done);
    request.once('close', done);
  });
};

/** The rest of a body up to this size is read before an error response, bytes. */
const SMALL_BYTES = 256 * 1024;

/** How long an error response waits for it, ms. */
const SMALL_MS = 2000;

/**
 * Calls `respond` with an error response when the rest of a small body has arrived, or at once if there is none. After an earlier
 * response, a proxy that streams uploads, such as nginx, closes the connection, although its client takes it for usable and loses the
 * next request.
 */
export function afterSmallBody(request: Request, response: Response, respond: () => void): void {
  const isOver = request.complete || request.destroyed || !declaresBody(request);
  // The client is told not to use the connection again.
  const isLast = response.get('Connection') === 'close';
  if (isOver || isLast || awaitsContinue(response) || declaredBytes(request) > SMALL_BYTES) {
    respond();
    return;
  }
  let bytes = 0;
  const count = (part: Buffer) => {
    bytes += part.length;
    if (bytes > SMALL_BYTES) done();
  };
  const done = () => {
    clearTimeout(timer);
    request.off('data', count).off('end', done).off('close', done);
    // The rest of a larger body is discarded as it arrives.
    request.resume();
    // Somebody else may have responded meanwhile.
    if (!response.headersSent) respond();
  };
  const timer = setTimeout(done, SMALL_MS);
  request.unpipe();
  request.on('data', count).once('end', done).once('close', done).resume();
}
