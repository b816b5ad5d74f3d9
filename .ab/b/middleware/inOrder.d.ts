import type { RequestHandler } from 'express';
/**
 * Several handlers as one: to Express each of its own would be a path to match and a step of its loop, for every
 * request.
 */
export declare function inOrder(handlers: readonly RequestHandler[]): RequestHandler;
