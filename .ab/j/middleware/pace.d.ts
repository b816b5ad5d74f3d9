import type { Request } from 'express';
/** How slow a client may be. */
export interface Pace {
    /** Bytes a second, over each window; 0 for no minimum. */
    readonly minBytesPerSecond: number;
    /** For the whole of an upload, ms. */
    readonly wholeMs: number;
}
/**
 * Watches how fast a request's body comes.
 * @param onTooSlow called once, with why, when it is below the pace
 * @returns what ends the watch
 */
export declare function watchUpload(request: Request, pace: Pace, onTooSlow: (why: string) => void): () => void;
