import type { Job, JobRequest } from './Job.js';
import type { JobEvents } from './JobEvents.js';
/** Makes a submission that comes again the job that it made before, for as long as that job is kept. */
export declare class IdempotencyKeys {
    #private;
    constructor(events: JobEvents);
    /** How many keys are remembered. */
    get size(): number;
    /**
     * Creates a job, unless one was made under this key. The same key in the same moment waits for the first.
     * @param key as the client sent it, with what tells its clients apart
     * @param fingerprint of everything that decides what the job is
     * @returns the job's id, whether `create` made it now or was not called
     * @throws AppError `IDEMPOTENCY_KEY_REUSED` for another fingerprint, and whatever `create` throws
     */
    once(key: string, fingerprint: string, create: () => Promise<Job>): Promise<string>;
}
/** Of everything that decides what comes of a job. */
export declare function fingerprintOf({ type, parameters, format, webhook }: JobRequest, image: Buffer): string;
