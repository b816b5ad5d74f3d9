import type { Request, Response } from 'express';
import { type CompletedJob } from '../services/jobs/Job.js';
import type { Turns } from '../utils/turns.js';
/** Stands in a JSON answer where the image's base64 goes; nothing else in it is a client's. */
export declare const IMAGE_PLACE = "\u2063image\u2063";
export interface SendLimits {
    /** Bytes of results that are being sent at the same time. */
    readonly maxBytes: number;
    /** Slower clients are cut off; 0 for no minimum. */
    readonly minBytesPerSecond: number;
}
/** Whether the client asked for the image itself in place of JSON with the image in it. */
export declare function wantsImage(request: Request, mimeType: string): boolean;
/**
 * Answers with results. Bytes that are being sent stay in memory although their result may have expired, so
 * clients that take them slowly are bounded in time, and all of them together in bytes: the ones that have been at
 * it longest are cut off to make room.
 */
export declare class ResultSender {
    #private;
    constructor(limits: SendLimits, turns: Turns);
    /** Answers with a result's bytes. A result never changes, so its job's id is its entity tag. */
    image(response: Response, job: CompletedJob, image: Buffer): Promise<void>;
    /** Answers with `body` in JSON, the image as base64 in the place of `IMAGE_PLACE`. */
    json(response: Response, body: object, image: Buffer): Promise<void>;
}
