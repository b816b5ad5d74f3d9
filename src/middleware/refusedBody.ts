import { declaresBody } from './bodyErrors.js';
import type { Check } from './checks.js';

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
