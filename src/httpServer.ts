import { createServer, IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Express } from 'express';
import type { Config } from './config/index.js';
import { answerClientErrors } from './middleware/clientErrors.js';
import { closeUnsentResponses } from './middleware/closeUnsent.js';
import { deferContinue } from './middleware/expectContinue.js';
import { SlowReaders } from './middleware/SlowReaders.js';

const MAX_HEADER_BYTES = 16 * 1024;
const MAX_HEADERS = 100;
/** Time from the connection to the last header, ms. */
const HEADERS_TIMEOUT_MS = 20_000;
/**
 * How long a client's connection may be idle, ms. Longer than proxies keep one by default (nginx and AWS 60 s, Traefik 90 s,
 * Caddy 120 s), because a request is lost if the connection is closed at that moment. An idle connection takes about 15 KB.
 */
const KEEP_ALIVE_MS = 130_000;
/** Interval of the check for expired connections, ms. */
const CONNECTIONS_CHECK_MS = 5000;
/** The app rejects slow uploads itself, with an explanation; this is the fallback. */
const REQUEST_MARGIN_MS = 10_000;

/** Node's HTTP server for the app, with the limits that apply before there is a request. */
export function createHttpServer(app: Express, config: Pick<Config, 'uploads' | 'jobs'>): Server {
  const server = createServer(
    {
      ...messagesOf(app),
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HEADERS_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
      // The app rejects those itself, in the common error format.
      requireHostHeader: false,
      requestTimeout: Math.max(HEADERS_TIMEOUT_MS, config.uploads.timeoutMs) + REQUEST_MARGIN_MS,
    },
    app,
  );
  server.maxHeadersCount = MAX_HEADERS;
  deferContinue(server, app);
  answerClientErrors(server);
  closeUnsentResponses(server);
  SlowReaders.watch(server, {
    minBytesPerSecond: config.uploads.minBytesPerSecond,
    maxWaitingBytes: config.jobs.maxResultBytes,
  });
  return server;
}

/**
 * Creates requests and responses with Express' prototypes. Express would change the prototype of each one, and V8
 * gives such objects hidden classes of their own: no inline cache matches, and each property is a new hidden class.
 * That is three quarters of the cost of a small response.
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
