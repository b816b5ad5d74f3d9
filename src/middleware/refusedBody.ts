import type { Check } from './checks.js';

/** How long a client that has its answer may go on sending before it is cut off, ms. */
const PATIENCE_MS = 5000;

/**
 * A refusal goes out while the body is still coming. What comes after it is read and thrown away for a moment, so
 * that the client gets to read its answer, but not for ever.
 */
export const limitRefusedBody: Check = (request, response) => {
  const hasBody = 'content-length' in request.headers || 'transfer-encoding' in request.headers;
  if (!hasBody) return;
  response.once('finish', () => {
    if (request.complete) return;
    const timer = setTimeout(() => request.socket.destroy(), PATIENCE_MS);
    const done = () => clearTimeout(timer);
    request.once('end', done);
    request.once('close', done);
  });
};
