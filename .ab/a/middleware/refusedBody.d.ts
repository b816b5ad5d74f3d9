import type { RequestHandler } from 'express';
/**
 * A refusal goes out while the body is still coming. What comes after it is read and thrown away for a moment, so
 * that the client gets to read its answer, but not for ever.
 */
export declare const limitRefusedBody: RequestHandler;
