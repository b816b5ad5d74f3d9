import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Closes every response when its connection closes. A client may send a request before it has the response to the last
 * one. Node closes only the response that it sends at that moment: those behind it would stay open forever.
 */
export function closeUnsentResponses(server: Server): void {
  const open = new WeakMap<Socket, Set<ServerResponse>>();
  const ofConnection = (socket: Socket): Set<ServerResponse> => {
    const known = open.get(socket);
    if (known) return known;
    const responses = new Set<ServerResponse>();
    open.set(socket, responses);
    socket.once('close', () => {
      for (const response of responses) closeUnsent(response);
    });
    return responses;
  };
  const watch = ({ socket }: IncomingMessage, response: ServerResponse) => {
    const responses = ofConnection(socket);
    responses.add(response);
    response.once('close', () => responses.delete(response));
  };
  for (const event of ['request', 'checkContinue', 'checkExpectation']) server.on(event, watch);
}

/** Closes a response, unless it has the connection: Node closes that one. */
function closeUnsent(response: ServerResponse): void {
  if (response.socket || response.destroyed) return;
  response.destroy();
  response.emit('close');
}
