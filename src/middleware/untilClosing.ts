import type { Response } from 'express';

/**
 * Ends a response that would stay open: calls `end` when the ports of the server close, unless the client has left before.
 * @param closing aborts at that moment
 */
export function untilClosing(closing: AbortSignal, response: Response, end: () => void): void {
  if (closing.aborted) {
    end();
    return;
  }
  closing.addEventListener('abort', end, { once: true });
  response.once('close', () => closing.removeEventListener('abort', end));
}
