import { createServer, IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Express } from 'express';
import type { Config } from './config/index.js';
import { answerClientErrors } from './middleware/errorHandler.js';
import { deferContinue } from './middleware/expectContinue.js';
import { SlowReaders } from './middleware/SlowReaders.js';

const MAX_HEADER_BYTES = 16 * 1024;
const MAX_HEADERS = 100;
/** From the connection to the last header, ms. */
const HEADERS_TIMEOUT_MS = 20_000;
/** Between two looks for connections whose time is over, ms. */
const CONNECTIONS_CHECK_MS = 5000;
/** The app ends a slow upload by itself, with an answer that says why; this is for what it does not see. */
const REQUEST_MARGIN_MS = 10_000;

/** Node's HTTP server around the app, with the limits that hold before there is a request. */
export function createHttpServer(app: Express, config: Pick<Config, 'uploads' | 'jobs'>): Server {
  const server = createServer(
    {
      ...messagesOf(app),
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
      // The app refuses those itself, in the form of all errors.
      requireHostHeader: false,
      requestTimeout: Math.max(HEADERS_TIMEOUT_MS, config.uploads.timeoutMs) + REQUEST_MARGIN_MS,
    },
    app,
  );
  server.maxHeadersCount = MAX_HEADERS;
  deferContinue(server, app);
  answerClientErrors(server);
  SlowReaders.watch(server, {
    minBytesPerSecond: config.uploads.minBytesPerSecond,
    maxWaitingBytes: config.jobs.maxResultBytes,
  });
  return server;
}

/**
 * Requests and responses as Express wants them from the start. It gives each one that it gets the app's prototype, and
 * an object whose prototype was changed has shapes of its own to V8: no inline cache knows it, and each of its
 * properties is a new hidden class. That is three quarters of what a small answer costs; these stay as they are.
 */
function messagesOf(app: Express): {
  IncomingMessage: typeof IncomingMessage;
  ServerResponse: typeof ServerResponse;
} {
  class AppRequest extends IncomingMessage {}
  class AppResponse<Request extends IncomingMessage> extends ServerResponse<Request> {}
  Object.setPrototypeOf(AppRequest.prototype, app.request);
  Object.setPrototypeOf(AppResponse.prototype, app.response);
  Object.assign(app, { request: AppRequest.prototype, response: AppResponse.prototype });
  return { IncomingMessage: AppRequest, ServerResponse: AppResponse };
}
