import type { Request, RequestHandler, Response } from 'express';

/** Looks at a request before any route does, without waiting. @throws AppError for a request that is refused */
export type Check = (request: Request, response: Response) => void;

/** Several checks as one handler: each further handler costs every request a little. */
export function allOf(checks: readonly Check[]): RequestHandler {
  return (request, response, next) => {
    for (const check of checks) check(request, response);
    next();
  };
}
