import type { BlobStore } from './stores.js';
/** The results' bytes, up to a bound: the oldest go first. */
export declare class ResultShelf {
    #private;
    constructor(blobs: BlobStore, maxBytes: number);
    put(id: string, bytes: Buffer): Promise<void>;
    get(id: string): Promise<Buffer | undefined>;
    delete(id: string): Promise<void>;
}
