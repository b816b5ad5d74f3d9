import type { Logger } from '../../utils/logger.js';
import { type FinishedJob, type Job } from './Job.js';
/** The fields that every log line about a job has. */
export declare function logFields(job: Job): Record<string, string | undefined>;
/** One line for a job's end. */
export declare function logJobEnd(logger: Logger, job: FinishedJob): void;
