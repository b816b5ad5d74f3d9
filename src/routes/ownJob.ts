import type { Request, Response } from 'express';
import { z } from 'zod';
import { AppError } from '../errors.js';
import { callerOf, mayUse } from '../middleware/authentication.js';
import type { Job } from '../services/jobs/Job.js';
import type { JobManager } from '../services/jobs/JobManager.js';
import { jobUrls } from '../views/JobViews.js';

/** Path parameters of a route about one job. */
export const jobPath = z.object({
  id: z.string().meta({ param: { id: 'JobId', description: 'Id of the job.' } }),
});

/** Returns the job id in a route's path. */
export function idOf(request: Request): string {
  return String(request.params['id']);
}

/**
 * Returns the job of a request. A job of another owner is not found, so that its id reveals nothing.
 * @throws AppError `JOB_NOT_FOUND`
 */
export async function ownJob(manager: JobManager, request: Request, response: Response): Promise<Job> {
  const id = idOf(request);
  const job = await manager.get(id);
  if (!mayUse(callerOf(response), job.request.owner)) throw manager.noSuchJob(id);
  return job;
}

/** Adds the URL of the status to errors about an existing job. */
export async function withStatusUrl<T>(id: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'JOB_NOT_FOUND') throw error;
    const { message, fields, details, retryAfterSeconds } = error;
    const urls = { status_url: jobUrls(id).status_url };
    throw new AppError(error.code, message, {
      details,
      retryAfterSeconds,
      cause: error,
      fields: { ...fields, message, ...urls },
    });
  }
}
