import type { Request, Response } from 'express';
import type { Job } from '../services/jobs/Job.js';
import type { JobManager } from '../services/jobs/JobManager.js';
/** The id in a route's path. */
export declare function idOf(request: Request): string;
/**
 * The job that a request is about. Somebody else's job is no job: its id tells nothing, not even that there is one.
 * @throws AppError `JOB_NOT_FOUND`
 */
export declare function ownJob(manager: JobManager, request: Request, response: Response): Promise<Job>;
