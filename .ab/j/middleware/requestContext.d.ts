import type { RequestHandler, Response } from 'express';
import type { AnsweredRequest } from '../services/metrics/Prometheus.js';
import type { Logger } from '../utils/logger.js';
/** The id of the request that `response` answers. */
export declare function requestIdOf(response: Response): string;
/**
 * Gives every request its id, on the response and in the log, and logs it once it was answered.
 * @param onClosed called once for every request, answered or hung up on
 */
export declare function requestContext(logger: Logger, onClosed: (request: AnsweredRequest, response: Response) => void): RequestHandler;
