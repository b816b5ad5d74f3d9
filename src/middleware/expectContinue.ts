import type { Server, ServerResponse } from 'node:http';
import type { Express } from 'express';

/** Responses to clients that wait for permission to send their body. */
const waiting = new WeakSet<ServerResponse>();

/** Lets the route decide about `Expect: 100-continue`, so that a request can be rejected before its body is sent. */
export function deferContinue(server: Server, app: Express): void {
  server.on('checkContinue', (request, response) => {
    waiting.add(response);
    app(request, response);
  });
  // Other expectations are ignored, as RFC 9110 allows: Node's own response would not be JSON.
  server.on('checkExpectation', app);
}

/** Whether a client still waits for permission to send its body. */
export function awaitsContinue(response: ServerResponse): boolean {
  return waiting.has(response);
}

/** Tells a waiting client to send its body. */
export function continueUpload(response: ServerResponse): void {
  if (waiting.delete(response)) response.writeContinue();
}
