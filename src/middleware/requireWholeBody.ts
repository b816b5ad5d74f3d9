import type { RequestHandler } from 'express';
import { AppError } from '../errors.js';

/**
 * Rejects a request whose body was already read, by a body parser of the program that this server is part of. The body
 * cannot be read again: a route would wait for it until the timeout of uploads.
 */
export const requireWholeBody: RequestHandler = (request, _response, next) => {
  // An empty body has an end, but no data.
  if (!request.readableDidRead && !request.readableEnded) return next();
  throw new AppError(
    'INTERNAL_ERROR',
    'Something read the request body before it reached this API: most likely a body parser such as express.json().',
    { details: 'Mount the app before body parsers, or limit them to the routes that need them.' },
  );
};
