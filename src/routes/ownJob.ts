import type { Request, Response } from 'express';
import { callerOf, mayUse } from '../middleware/authentication.js';
import type { Job } from '../services/jobs/Job.js';
import type { JobManager } from '../services/jobs/JobManager.js';

/** The id in a route's path. */
export function idOf(request: Request): string {
  return String(request.params['id']);
}

/**
 * The job that a request is about. Somebody else's job is no job: its id tells nothing, not even that there is one.
 * @throws AppError `JOB_NOT_FOUND`
 */
export async function ownJob(manager: JobManager, request: Request, response: Response): Promise<Job> {
  const id = idOf(request);
  const job = await manager.get(id);
  if (!mayUse(callerOf(response), job.request.owner)) throw manager.noSuchJob(id);
  return job;
}
