import type { Server, ServerResponse } from 'node:http';
import type { Express } from 'express';

/** Answers to clients that hold their body back until they are told to send it. */
const waiting = new WeakSet<ServerResponse>();

/** Has `Expect: 100-continue` decided by the route, so that a refusal comes before the body is sent. */
export function deferContinue(server: Server, app: Express): void {
  server.on('checkContinue', (request, response) => {
    waiting.add(response);
    app(request, response);
  });
  // Other expectations are ignored, as RFC 9110 allows: Node's own response to them would not be JSON.
  server.on('checkExpectation', app);
}

/** Tells a client that waits for it to send its body. */
export function continueUpload(response: ServerResponse): void {
  if (waiting.delete(response)) response.writeContinue();
}
