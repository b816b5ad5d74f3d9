import type { Server, ServerResponse } from 'node:http';
import type { Express } from 'express';
/** Has `Expect: 100-continue` decided by the route, so that a refusal comes before the body is sent. */
export declare function deferContinue(server: Server, app: Express): void;
/** Tells a client that waits for it to send its body. */
export declare function continueUpload(response: ServerResponse): void;
