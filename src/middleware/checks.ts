import type { Request, RequestHandler, Response } from 'express';

/** A synchronous check that runs before the routes. @throws AppError to reject the request */
export type Check = (request: Request, response: Response) => void;

/** Combines several checks into one handler, because each handler costs every request a little. */
export function allOf(checks: readonly Check[]): RequestHandler {
  return (request, response, next) => {
    for (const check of checks) check(request, response);
    next();
  };
}
