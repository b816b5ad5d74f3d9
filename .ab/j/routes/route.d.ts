import type { IRouter, RequestHandler } from 'express';
type Method = 'get' | 'post' | 'delete';
/** Adds a path with its methods; any other method is a 405 that names them. */
export declare function route(router: IRouter, path: string, handlers: Partial<Record<Method, RequestHandler | RequestHandler[]>>): void;
export {};
