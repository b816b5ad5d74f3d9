import type { RequestHandler, Response } from 'express';
/** Counts the requests that each client has open; a client is known by its key, else by its address. */
export declare class OpenRequests {
    #private;
    constructor(max: number);
    /** Refuses a client that has as many open as it may. */
    limit: RequestHandler;
    /** To be called once for every response that was closed, whether its request was counted or not. */
    closed(response: Response): void;
}
