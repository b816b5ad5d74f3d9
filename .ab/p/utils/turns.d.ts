/**
 * Spreads work on large images over turns of the event loop, first come, first served. Many of them that are ready
 * in the same turn would otherwise hold up all small requests, and each other's reading, until the last was done.
 */
export declare class Turns {
    #private;
    /** Resolves when work on `bytes` may begin: in a later turn, or at once where they are few. */
    take(bytes: number): Promise<void>;
}
