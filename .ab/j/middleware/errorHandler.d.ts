import { type Server } from 'node:http';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { Logger } from '../utils/logger.js';
/** Answers everything that no route took. */
export declare const notFound: RequestHandler;
/** Turns whatever was thrown into the one JSON form of errors. Unknown errors are logged and not told. */
export declare function errorHandler(logger: Logger): ErrorRequestHandler;
/** Answers in JSON what Node refuses before there is a request: broken HTTP, headers too large or too slow. */
export declare function answerClientErrors(server: Server): void;
