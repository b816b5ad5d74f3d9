import type { ServerResponse } from 'node:http';

/**
 * Ends a response that is incomplete, so that its client notices. Without a length and without chunks, as in HTTP/1.0, a
 * response ends with its connection: only a reset shows that something is missing.
 */
export function breakOff(response: ServerResponse): void {
  const endsWithConnection = !response.chunkedEncoding && !response.hasHeader('Content-Length');
  if (endsWithConnection) response.socket?.resetAndDestroy();
  response.destroy();
}
