import type { Request, RequestHandler, Response } from 'express';
import { type Pace } from './pace.js';
import type { UploadBudget } from './uploadBudget.js';
/** An upload as it came, before anybody looked at its bytes. */
export interface Upload {
    readonly bytes: Buffer;
    /** The client's name for it, without control characters and cut to a length. */
    readonly filename: string;
    /** Tells that its bytes are accounted for elsewhere, or not needed any more. */
    release(): void;
}
export interface UploadOptions {
    readonly maxFileBytes: number;
    readonly pace: Pace;
    readonly budget: UploadBudget;
    /** For a client that finds no memory free. */
    retryAfterSeconds(): number;
}
/** Reads one image and the form's fields into memory. Ask `uploadOf` for the image. */
export declare function imageUpload(options: UploadOptions): RequestHandler;
/**
 * The image of a request that went through `imageUpload`. It is handed over: the request does not keep it, however
 * long its client waits for the answer.
 * @throws AppError `NO_IMAGE`
 */
export declare function takeUpload(request: Request, response: Response): Upload;
/** Bytes that an upload has at least, before it has come; 0 where that cannot be told. */
export declare function leastBytes(request: Request): number;
/** Form fields and query parameters, of which the form's win. An empty one counts as left out. */
export declare function parametersOf(request: Request): Record<string, unknown>;
/** The response whose client hung up before it had its answer: aborts the signal. */
export declare function hangUpSignal(response: Response): AbortSignal;
