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
  // What else a client expects is passed over, as RFC 9110 allows, in place of an answer that is no JSON.
  server.on('checkExpectation', app);
}

/** Tells a client that waits for it to send its body. */
export function continueUpload(response: ServerResponse): void {
  if (waiting.delete(response)) response.writeContinue();
}
