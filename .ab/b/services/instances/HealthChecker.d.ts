import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import type { Workflow } from '../../workflows/types.js';
import type { Instance } from './Instance.js';
export interface HealthOptions {
    /** Between two checks of a healthy instance, ms. */
    readonly intervalMs: number;
    /** A success younger than this needs no check before a job, ms. */
    readonly freshMs: number;
    /** First wait before an instance that failed is asked again; doubled each time up to the interval, ms. */
    readonly recheckMs: number;
}
/**
 * Keeps each instance's health: checks on an interval, sooner after a failure, and before a job when the last
 * success is not fresh. Jobs report their own contacts too. Every failure feeds the instance's breaker; while
 * that is open, the check at the end of its reset time is the one probe.
 */
export declare class HealthChecker {
    #private;
    constructor(instances: readonly Instance[], workflows: readonly Workflow[], options: HealthOptions, clock: Clock, logger: Logger);
    /** Calls `listener` whenever a check found an instance healthy. */
    onHealthy(listener: (instance: Instance) => void): void;
    /** Checks every instance once, then goes on by itself. */
    start(): Promise<void>;
    stop(): Promise<void>;
    /** Whether the instance may have a job now: its last success is fresh, or a check just now went well. */
    ensureFresh(instance: Instance): Promise<boolean>;
    /** Looks at the instance now, as after its breaker was closed by hand. */
    recheck(instance: Instance): Promise<void>;
    /** A job's contact with the instance went well, whatever became of the job. */
    reportSuccess(instance: Instance): void;
    /** A job could not reach the instance, or it did not answer as ComfyUI does. */
    reportFailure(instance: Instance, error: unknown): void;
    /** Opens the breaker of an instance whose jobs fail while its checks pass. */
    takeOut(instance: Instance, error: unknown): void;
}
