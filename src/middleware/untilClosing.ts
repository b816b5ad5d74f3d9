import type { Response } from 'express';

/**
 * Ends a response that would stay open: calls `end` when the ports of the server close, unless it has closed before.
 * @param closing aborts at that moment
 */
export function untilClosing(closing: AbortSignal, response: Response, end: () => void): void {
  // It will not close again, so nothing would remove the listener.
  if (response.destroyed) return;
  if (closing.aborted) {
    end();
    return;
  }
  closing.addEventListener('abort', end, { once: true });
  response.once('close', () => closing.removeEventListener('abort', end));
}
