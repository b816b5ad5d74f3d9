import type { FinishedJob, Job } from './Job.js';
/** Who wants to hear of jobs, and who waits for one. */
export declare class JobEvents {
    #private;
    constructor();
    /** Listeners of every kind, those of waiting requests among them. */
    get listeners(): number;
    onPending(listener: () => void): void;
    onFinished(listener: (job: FinishedJob) => void): void;
    /**
     * Calls `listener` with every record that a job becomes, in order.
     * @param id of one job; undefined for all
     * @returns what ends it
     */
    onChanged(id: string | undefined, listener: (job: Job) => void): () => void;
    /** Calls `listener` with the id of every job that is forgotten. @returns what ends it */
    onRemoved(listener: (id: string) => void): () => void;
    changed(job: Job): void;
    removed(id: string): void;
    pending(): void;
    finished(job: FinishedJob): void;
    /** No job begins any more. */
    draining(): void;
    /** Resolves when the job is finished, `signal` is aborted, or draining begins while `isWaiting`. */
    wait(id: string, isWaiting: () => boolean, signal: AbortSignal): Promise<void>;
}
