import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/**
 * Closes every response when its connection closes. A client may send a request before it has the response to the last
 * one. Node closes only the response that it sends at that moment: those behind it would stay open forever.
 */
export function closeUnsentResponses(server: Server): void {
  const watch = (request: IncomingMessage, response: ServerResponse) => {
    request.once('close', () => {
      if (!request.socket.destroyed || response.socket || response.destroyed) return;
      response.destroy();
      response.emit('close');
    });
  };
  server.on('request', watch);
  server.on('checkContinue', watch);
}
