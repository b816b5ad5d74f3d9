import type { Logger } from '../../utils/logger.js';
import type { LoadBalancer } from '../instances/LoadBalancer.js';
import type { JobManager } from '../jobs/JobManager.js';
import type { JobProcessor } from '../jobs/JobProcessor.js';
import type { Recorder } from './Recorder.js';
interface SummaryParts {
    readonly recorder: Recorder;
    readonly manager: JobManager;
    readonly processor: JobProcessor;
    readonly balancer: LoadBalancer;
}
/** One line a minute in the log, while anything happens. */
export declare class Summary {
    #private;
    constructor(parts: SummaryParts, logger: Logger);
    start(): void;
    stop(): void;
}
export {};
