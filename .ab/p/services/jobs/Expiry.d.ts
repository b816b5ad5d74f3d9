import type { Logger } from '../../utils/logger.js';
import type { JobManager } from './JobManager.js';
export interface ExpiryOptions {
    readonly lifetimeMs: number;
    /** Whether nobody would notice a pause of some 10 ms. */
    isIdle(): boolean;
    collectGarbage(): void;
}
/** Removes finished jobs when their lifetime is over, and gives their memory back when the server is idle then. */
export declare class Expiry {
    #private;
    constructor(manager: JobManager, options: ExpiryOptions, logger: Logger);
    start(): void;
    stop(): void;
}
