import type { Instance } from './Instance.js';
/**
 * Judges instances by what becomes of their jobs. A node that fails may be the image's fault or the machine's:
 * it is the machine's when job after job fails on it while others complete theirs, and the job's when it fails
 * on a second instance too. So one bad job, or many, never open every breaker.
 */
export declare class JobVerdicts {
    #private;
    /**
     * @param threshold jobs in a row that condemn an instance
     * @param takeOut called with an instance that was condemned, and its last job's error
     */
    constructor(threshold: number, takeOut: (instance: Instance, error: unknown) => void);
    /** A job was completed. */
    completed(instance: Instance): void;
    /**
     * A job failed on an instance that answers.
     * @param key the job, the same for all of its tries
     * @param isMachines the failure cannot be the job's own, such as a prompt that never ends
     */
    failed(instance: Instance, key: string, isMachines: boolean, error: unknown): void;
}
