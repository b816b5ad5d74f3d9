import type { Workflow } from '../../workflows/types.js';
import { type FinishedJob } from './Job.js';
/** How long a job of each type takes: a moving average of the measured durations, at first what is declared. */
export declare class DurationEstimates {
    #private;
    constructor(workflows: readonly Workflow[]);
    /** Learns from a job that completed; others say nothing about how long one takes. */
    recordJob(job: FinishedJob): void;
    /** Milliseconds of processing that a job of this type takes. */
    processingMs(type: string): number;
    /** Milliseconds of processing that a job took lately, whatever its type. */
    get averageMs(): number;
    /** Milliseconds until a pending job is done: the rounds before it, then its own. `position` counts from 1. */
    pendingMs(type: string, position: number, slots: number): number;
}
