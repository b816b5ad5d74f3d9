import { AppError } from '../errors.js';
import { listedOwner, requireAdmin } from '../middleware/authentication.js';
import { parametersOf } from '../middleware/upload.js';
import { jobListQuery } from '../schemas/jobs.js';
import { makeThumbnail } from '../services/images/thumbnail.js';
import { processingDuration } from '../services/jobs/Job.js';
import { toIso, toSeconds } from '../utils/clock.js';
import { jobUrls } from './jobViews.js';
import { idOf, ownJob } from './ownJob.js';
import { parseParameters } from './parse.js';
import { route } from './route.js';
import { sendJson } from './sendJson.js';
import { wantsImage } from './sendResult.js';
/** What a client asks of jobs, one by one and all together. */
export function jobRoutes(router, services, config, views, sender) {
    const { manager } = services;
    const list = async (request, response) => {
        const { limit, offset, ...filter } = parseParameters(jobListQuery, parametersOf(request));
        const { jobs, total } = await manager.list({ ...filter, owner: listedOwner(response) }, { limit, offset });
        const body = {
            jobs: jobs.map((job) => views.record(job)),
            total,
            limit,
            offset,
        };
        response.json(body);
    };
    const resultOf = async (request, response) => {
        const { id } = await ownJob(manager, request, response);
        return withStatusUrl(id, () => manager.result(id));
    };
    const status = async (request, response) => {
        const body = views.status(await ownJob(manager, request, response));
        response.setHeader('Cache-Control', 'no-store');
        sendJson(response, body);
    };
    const result = async (request, response) => {
        const { job, image } = await resultOf(request, response);
        if (wantsImage(request, job.result.mimeType))
            await sender.image(response, job, image);
        else
            await sender.json(response, resultBody(views, job), image);
    };
    const image = async (request, response) => {
        const found = await resultOf(request, response);
        await sender.image(response, found.job, found.image);
    };
    const thumbnail = async (request, response) => {
        const { job, image } = await resultOf(request, response);
        response.set({ ETag: `"${job.id}-small"`, 'Cache-Control': 'private, no-cache' }).type('webp');
        // What the browser has is not made again.
        if (request.fresh)
            response.status(304).end();
        else
            response.send(await makeThumbnail(image, config.MAX_OUTPUT_PIXELS));
    };
    const cancel = async (request, response) => {
        const { id } = await ownJob(manager, request, response);
        const cancelled = await withStatusUrl(id, () => manager.cancel(id));
        const body = views.status(cancelled);
        response.json(body);
    };
    const info = async (request, response) => {
        response.json(views.record(await ownJob(manager, request, response)));
    };
    const remove = async (request, response) => {
        await manager.remove(idOf(request));
        const body = { message: 'Job deleted.', job_id: idOf(request) };
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
function resultBody(views, job) {
    return {
        job_id: job.id,
        status: 'completed',
        type: job.request.type,
        completed_time: toIso(job.finishedTime),
        processing_time_seconds: toSeconds(processingDuration(job) ?? 0),
        result: views.result(job),
    };
}
function statsHandler({ manager }) {
    return async (_request, response) => {
        const body = await manager.counts();
        response.json(body);
    };
}
function cleanupHandler({ manager }) {
    return async (_request, response) => {
        const cleanedCount = await manager.cleanup();
        const body = { message: `Removed ${cleanedCount} jobs.`, cleanedCount };
        response.json(body);
    };
}
function processorStatsHandler({ manager, processor, instances, balancer }) {
    return (_request, response) => {
        const body = {
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
async function withStatusUrl(id, work) {
    try {
        return await work();
    }
    catch (error) {
        if (!(error instanceof AppError) || error.code === 'JOB_NOT_FOUND')
            throw error;
        const { message, fields, details } = error;
        const urls = { status_url: jobUrls(id).status_url };
        throw new AppError(error.code, message, {
            details,
            cause: error,
            fields: { ...fields, message, ...urls },
        });
    }
}
//# sourceMappingURL=jobs.js.map