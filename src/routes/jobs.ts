import type { IRouter, Request, RequestHandler, Response } from 'express';
import type { z } from 'zod';
import { AppError } from '../errors.js';
import { listedOwner, requireAdmin } from '../middleware/authentication.js';
import { parametersOf } from '../middleware/upload.js';
import type {
  cleanupAnswer,
  deletedAnswer,
  jobListAnswer,
  jobResultAnswer,
  jobStatsAnswer,
  jobStatusAnswer,
  processorStatsAnswer,
} from '../schemas/jobs.js';
import { jobListQuery } from '../schemas/jobs.js';
import { parseParameters } from '../schemas/parse.js';
import type { Services } from '../services/index.js';
import { type CompletedJob, processingDuration } from '../services/jobs/Job.js';
import { toIso, toSeconds } from '../utils/clock.js';
import { type JobViews, jobUrls } from './jobViews.js';
import { idOf, ownJob } from './ownJob.js';
import { route } from './route.js';
import { sendJson } from './sendJson.js';
import { type ResultSender, wantsImage } from './sendResult.js';

/** What a client asks of jobs, one by one and all together. */
export function jobRoutes(router: IRouter, services: Services, views: JobViews, sender: ResultSender): void {
  const { manager } = services;

  const list: RequestHandler = async (request, response) => {
    const { limit, offset, ...filter } = parseParameters(jobListQuery, parametersOf(request));
    const { jobs, total } = await manager.list(
      { ...filter, owner: listedOwner(response) },
      { limit, offset },
    );
    const body: z.input<typeof jobListAnswer> = {
      jobs: jobs.map((job) => views.record(job)),
      total,
      limit,
      offset,
    };
    response.json(body);
  };

  const resultOf = async (request: Request, response: Response) => {
    const { id } = await ownJob(manager, request, response);
    return withStatusUrl(id, () => manager.result(id));
  };

  const status: RequestHandler = async (request, response) => {
    const body: z.input<typeof jobStatusAnswer> = views.status(await ownJob(manager, request, response));
    response.setHeader('Cache-Control', 'no-store');
    sendJson(response, body);
  };

  const result: RequestHandler = async (request, response) => {
    const { job, image } = await resultOf(request, response);
    if (wantsImage(request, job.result.mimeType)) await sender.image(response, job, image);
    else await sender.json(response, resultBody(views, job), image);
  };

  const image: RequestHandler = async (request, response) => {
    const found = await resultOf(request, response);
    await sender.image(response, found.job, found.image);
  };

  const thumbnail: RequestHandler = async (request, response) => {
    const { job } = await resultOf(request, response);
    response.set({ ETag: `"${job.id}-small"`, 'Cache-Control': 'private, no-cache' });
    if (request.fresh) {
      response.status(304).end();
      return;
    }
    // Loaded when its turn has come: those that wait keep no image in memory.
    const load = async () => (await withStatusUrl(job.id, () => manager.result(job.id))).image;
    const bytes = await services.thumbnails.get(job.id, load);
    response.type('webp').send(bytes);
  };

  const cancel: RequestHandler = async (request, response) => {
    const { id } = await ownJob(manager, request, response);
    const cancelled = await withStatusUrl(id, () => manager.cancel(id));
    const body: z.input<typeof jobStatusAnswer> = views.status(cancelled);
    response.json(body);
  };

  const info: RequestHandler = async (request, response) => {
    response.json(views.record(await ownJob(manager, request, response)));
  };

  const remove: RequestHandler = async (request, response) => {
    await manager.remove(idOf(request));
    const body: z.input<typeof deletedAnswer> = { message: 'Job deleted.', job_id: idOf(request) };
    response.json(body);
  };

  route(router, '/api/jobs/:id/status', { get: status });
  route(router, '/api/jobs/list', { get: list });
  route(router, '/api/jobs/stats', { get: statsHandler(services) });
  route(router, '/api/jobs/processor/stats', { get: processorStatsHandler(services) });
  route(router, '/api/jobs/cleanup', { post: [requireAdmin, cleanupHandler(services)] });
  route(router, '/api/jobs/:id/result', { get: result });
  route(router, '/api/jobs/:id/result/image', { get: image });
  route(router, '/api/jobs/:id/result/thumbnail', { get: thumbnail });
  route(router, '/api/jobs/:id/cancel', { post: cancel });
  route(router, '/api/jobs/:id/info', { get: info });
  route(router, '/api/jobs/:id', { delete: [requireAdmin, remove] });
}

function resultBody(views: JobViews, job: CompletedJob): z.input<typeof jobResultAnswer> {
  return {
    job_id: job.id,
    status: 'completed',
    type: job.request.type,
    completed_time: toIso(job.finishedTime),
    processing_time_seconds: toSeconds(processingDuration(job) ?? 0),
    result: views.result(job),
  };
}

function statsHandler({ manager }: Services): RequestHandler {
  return async (_request, response: Response) => {
    const body: z.input<typeof jobStatsAnswer> = await manager.counts();
    response.json(body);
  };
}

function cleanupHandler({ manager }: Services): RequestHandler {
  return async (_request, response: Response) => {
    const cleanedCount = await manager.cleanup();
    const body: z.input<typeof cleanupAnswer> = { message: `Removed ${cleanedCount} jobs.`, cleanedCount };
    response.json(body);
  };
}

function processorStatsHandler({ manager, processor, instances, balancer }: Services): RequestHandler {
  return (_request, response: Response) => {
    const body: z.input<typeof processorStatsAnswer> = {
      isRunning: processor.isRunning,
      activeJobs: processor.activeJobs,
      pendingJobs: manager.queue.size,
      maxConcurrentJobs: processor.options.maxConcurrentJobs,
      maxJobsPerInstance: balancer.maxPerInstance,
      processingInterval: processor.options.pollIntervalMs,
      instanceJobCounts: Object.fromEntries(instances.map(({ host, activeJobs }) => [host, activeJobs])),
    };
    response.json(body);
  };
}

/** Errors about an existing job say where its status is. */
async function withStatusUrl<T>(id: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'JOB_NOT_FOUND') throw error;
    const { message, fields, details } = error;
    const urls = { status_url: jobUrls(id).status_url };
    throw new AppError(error.code, message, {
      details,
      cause: error,
      fields: { ...fields, message, ...urls },
    });
  }
}
