import { createServer } from 'node:http';
import { answerClientErrors } from './middleware/errorHandler.js';
import { deferContinue } from './middleware/expectContinue.js';
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_HEADERS = 100;
/** From the connection to the last header, ms. */
const HEADERS_TIMEOUT_MS = 20_000;
/** The app ends a slow upload by itself, with an answer that says why; this is for what it does not see. */
const REQUEST_MARGIN_MS = 10_000;
/** Node's HTTP server around the app, with the limits that hold before there is a request. */
export function createHttpServer(app, config) {
    const server = createServer({
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: Math.max(HEADERS_TIMEOUT_MS, config.UPLOAD_TIMEOUT) + REQUEST_MARGIN_MS,
    }, app);
    server.maxHeadersCount = MAX_HEADERS;
    deferContinue(server, app);
    answerClientErrors(server);
    return server;
}
//# sourceMappingURL=httpServer.js.map