import { type Job } from './Job.js';
import type { JobCounts, JobFilter, JobStore } from './stores.js';
/** Job records in this process's memory. What is asked often does not walk through all of them. */
export declare class MemoryJobStore implements JobStore {
    #private;
    insert(job: Job): Promise<void>;
    get(id: string): Promise<Job | undefined>;
    update(id: string, change: (job: Job) => Job | undefined): Promise<Job | undefined>;
    delete(id: string): Promise<Job | undefined>;
    /** Without a filter only the page itself is read; with one, every record. */
    list(filter: JobFilter, { limit, offset }: {
        limit: number;
        offset: number;
    }): Promise<{
        jobs: Job[];
        total: number;
    }>;
    counts(): Promise<JobCounts>;
    finishedUntil(time: number): Promise<string[]>;
}
