import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import { type Recorder } from './Recorder.js';
/** What is known about the file. Times are epoch ms. */
export interface PersistenceStatus {
    readonly filePath: string;
    readonly intervalMs: number;
    readonly lastSave: number | null;
    readonly nextSave: number | null;
    readonly sizeBytes: number | null;
    readonly lastError: string | null;
}
/**
 * Keeps the recorder's figures over restarts: in one file, written whole under another name and renamed, so that
 * it is always the old one or the new one. No failure of the disk gets further than the log.
 */
export declare class MetricsFile {
    #private;
    /** @param options `intervalMs` 0 means: only on demand and at the end */
    constructor(options: {
        file: string;
        intervalMs: number;
    }, recorder: Recorder, clock: Clock, logger: Logger);
    get status(): PersistenceStatus;
    /** Reads what an earlier process left, and saves on the interval from now on. */
    start(): Promise<void>;
    /** Saves a last time. */
    stop(): Promise<void>;
    /**
     * Writes the file; one after the other when several ask at once.
     * @throws Error of the disk, which was logged and shows in `status`
     */
    save(): Promise<void>;
}
