import type { Logger } from '../../utils/logger.js';
import type { HealthChecker } from '../instances/HealthChecker.js';
import type { JobVerdicts } from '../instances/JobVerdicts.js';
import type { LoadBalancer } from '../instances/LoadBalancer.js';
import type { JobManager } from './JobManager.js';
import type { JobRunner } from './JobRunner.js';
export interface ProcessorOptions {
    readonly maxConcurrentJobs: number;
    /** Between two polls, ms; a new job or a freed slot is acted on at once. */
    readonly pollIntervalMs: number;
    /** Processing time after which a job is stopped, ms. */
    readonly jobTimeoutMs: number;
    readonly maxAttempts: number;
}
/** Gives pending jobs to instances with a free slot, and decides what a failure means. */
export declare class JobProcessor {
    #private;
    constructor(parts: {
        manager: JobManager;
        runner: JobRunner;
        balancer: LoadBalancer;
        health: HealthChecker;
        verdicts: JobVerdicts;
    }, options: ProcessorOptions, logger: Logger);
    get isRunning(): boolean;
    get activeJobs(): number;
    /** Jobs that can be processed at the same time, at present; at least 1. */
    get slots(): number;
    get options(): ProcessorOptions;
    start(): void;
    /**
     * Takes no further job, gives the running ones `graceMs`, then stops them.
     * @returns ids of the jobs that were not done
     */
    stop(graceMs: number): Promise<string[]>;
    /** Looks for work soon, once for any number of calls in one turn. */
    wake(): void;
}
