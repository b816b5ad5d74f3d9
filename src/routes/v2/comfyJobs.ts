import type { Request, Response } from 'express';
import type { z } from 'zod';
import { callerOf, mayUse } from '../../middleware/authentication.js';
import type { comfyJob } from '../../schemas/comfy.js';
import type { Job } from '../../services/jobs/Job.js';
import { comfyJobView } from '../../views/comfyViews.js';
import { GRAPH_TYPE } from '../../workflows/graphNeeds.js';
import type { RouteContext } from '../Endpoint.js';

const ID = /^job_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** Returns the base URL for clients: as configured, or as this client used it. */
export function baseUrlOf(request: Request, { config }: Pick<RouteContext, 'config'>): string {
  return config.server.publicUrl ?? `${request.protocol}://${request.get('Host') ?? 'localhost'}`;
}

/**
 * Returns the job of a request. This API contains only jobs of client graphs.
 * @throws AppError `JOB_NOT_FOUND`
 */
export async function ownComfyJob(
  { services: { manager } }: RouteContext,
  id: string,
  response: Response,
): Promise<Job> {
  const [, jobId = ''] = ID.exec(id) ?? [];
  if (jobId === '') throw manager.noSuchJob(id);
  const job = await manager.get(jobId);
  const isHere = job.request.type === GRAPH_TYPE && mayUse(callerOf(response), job.request.owner);
  if (!isHere) throw manager.noSuchJob(id);
  return job;
}

/** Returns a job in the format of this API. */
export async function viewOf(
  job: Job,
  request: Request,
  context: RouteContext,
): Promise<z.input<typeof comfyJob>> {
  return comfyJobView(job, await viewContextOf(job, baseUrlOf(request, context), context));
}

/** Returns the data for the view of a job. */
export async function viewContextOf(job: Job, baseUrl: string, { services, config }: RouteContext) {
  const { manager, live, clock } = services;
  const position = job.status === 'pending' ? await manager.queue.position(job.id) : 0;
  return {
    live: live.get(job.id),
    position: position > 0 ? position : undefined,
    baseUrl,
    lifetimeMs: config.jobs.lifetimeMs,
    now: clock.now(),
  };
}
