import type { NextFunction, Request, RequestHandler, Response } from 'express';

/**
 * Several handlers as one: to Express each of its own would be a path to match and a step of its loop, for every
 * request.
 */
export function inOrder(handlers: readonly RequestHandler[]): RequestHandler {
  return (request: Request, response: Response, next: NextFunction) => {
    let done = 0;
    const step: NextFunction = (error?: unknown) => {
      const handler = handlers[done];
      if (error || !handler) return next(error);
      done += 1;
      const result: unknown = handler(request, response, step);
      // Express sees the first handler's promise alone.
      if (result instanceof Promise) result.catch(next);
    };
    step();
  };
}
