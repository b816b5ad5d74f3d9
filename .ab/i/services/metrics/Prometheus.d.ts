import type { Instance } from '../instances/Instance.js';
import { type FinishedJob } from '../jobs/Job.js';
import type { JobManager } from '../jobs/JobManager.js';
/** An HTTP request that was answered. */
export interface AnsweredRequest {
    readonly method: string;
    /** The route's pattern, never the raw path: that would be a series a job. */
    readonly route: string;
    readonly code: number;
    readonly seconds: number;
}
/** The figures in Prometheus' text format. Counters begin at zero with each process, as Prometheus expects. */
export declare class Prometheus {
    #private;
    constructor(parts: {
        manager: JobManager;
        instances: readonly Instance[];
    });
    /** MIME type of `text`. */
    get contentType(): string;
    /** Everything, in the text format. */
    text(): Promise<string>;
    recordJob(job: FinishedJob): void;
    recordRequest({ method, route, code, seconds }: AnsweredRequest): void;
}
