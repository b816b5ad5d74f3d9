import type { Clock } from '../utils/clock.js';
import type { Instance } from './instances/Instance.js';
import type { Admission } from './jobs/Admission.js';
import type { JobManager } from './jobs/JobManager.js';
import type { JobProcessor } from './jobs/JobProcessor.js';
import type { Recorder } from './metrics/Recorder.js';
type HealthState = 'healthy' | 'degraded' | 'critical';
export interface HealthReport {
    readonly state: HealthState;
    /** What is wrong, in words. */
    readonly issues: readonly string[];
}
/** Judges the whole server from what is in memory: no I/O. */
export declare class HealthReporter {
    #private;
    constructor(parts: {
        instances: readonly Instance[];
        manager: JobManager;
        processor: JobProcessor;
        recorder: Recorder;
        admission: Admission;
    }, clock: Clock);
    get uptimeMs(): number;
    /** @param nameOf how an instance is called in the issues */
    report(nameOf?: (instance: Instance) => string): HealthReport;
}
export {};
