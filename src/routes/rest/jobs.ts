import type { z } from 'zod';
import { listedOwner } from '../../middleware/authentication.js';
import { parametersOf } from '../../middleware/upload.js';
import {
  cleanupAnswer,
  deletedAnswer,
  jobInfo,
  jobListAnswer,
  jobListQuery,
  type jobRecord,
  jobStatsAnswer,
  jobStatusAnswer,
  processorStatsAnswer,
} from '../../schemas/jobs.js';
import { parseParameters } from '../../schemas/parse.js';
import type { Services } from '../../services/index.js';
import { isFinished, type Job } from '../../services/jobs/Job.js';
import { jobRecordView, nodesView } from '../../views/jobRecordView.js';
import { processorView } from '../../views/processorView.js';
import { schedulingView } from '../../views/schedulingView.js';
import { type Endpoint, TAGS } from '../Endpoint.js';
import { idOf, jobPath, ownJob, withStatusUrl } from '../ownJob.js';

/** Endpoints about all jobs. */
export const jobListEndpoints: readonly Endpoint[] = [
  {
    id: 'list_jobs',
    method: 'get',
    path: '/api/jobs/list',
    tag: TAGS.jobs,
    summary: 'Lists jobs, newest first. Filters can be combined.',
    access: 'key',
    request: { query: jobListQuery },
    responses: { 200: { description: 'A page of jobs.', schema: jobListAnswer } },
    errors: [400],
    handler:
      ({ services }) =>
      async (request, response) => {
        const { limit, offset, ...filter } = parseParameters(jobListQuery, parametersOf(request));
        const owner = listedOwner(response);
        const { jobs, total } = await services.manager.list({ ...filter, owner }, { limit, offset });
        const body: z.input<typeof jobListAnswer> = {
          jobs: await recordsOf(jobs, services),
          total,
          limit,
          offset,
        };
        response.json(body);
      },
  },
  {
    id: 'job_stats',
    method: 'get',
    path: '/api/jobs/stats',
    tag: TAGS.jobs,
    summary: 'Counts jobs by state, type and instance.',
    access: 'key',
    responses: { 200: { description: 'Counts.', schema: jobStatsAnswer } },
    handler:
      ({ services: { manager } }) =>
      async (_request, response) => {
        const body: z.input<typeof jobStatsAnswer> = await manager.counts();
        response.json(body);
      },
  },
  {
    id: 'processor_stats',
    method: 'get',
    path: '/api/jobs/processor/stats',
    tag: TAGS.jobs,
    summary: 'The state of the job processor, and its limits.',
    access: 'key',
    responses: { 200: { description: 'The processor.', schema: processorStatsAnswer } },
    handler:
      ({ services }) =>
      async (_request, response) => {
        response.json(await processorView(services));
      },
  },
  {
    id: 'clean_up_jobs',
    method: 'post',
    path: '/api/jobs/cleanup',
    tag: TAGS.jobs,
    summary: 'Removes expired jobs. The server also does this by itself.',
    access: 'admin',
    responses: { 200: { description: 'The number of removed jobs.', schema: cleanupAnswer } },
    handler:
      ({ services: { manager } }) =>
      async (_request, response) => {
        const cleanedCount = await manager.cleanup();
        const body: z.input<typeof cleanupAnswer> = {
          message: `Removed ${cleanedCount} jobs.`,
          cleanedCount,
        };
        response.json(body);
      },
  },
];

/** The status of a job, which clients request most. */
export const jobStatusEndpoint: Endpoint = {
  id: 'job_status',
  method: 'get',
  path: '/api/jobs/{id}/status',
  tag: TAGS.jobs,
  summary: 'The status of a job.',
  access: 'key',
  request: { path: jobPath },
  responses: { 200: { description: 'The status.', schema: jobStatusAnswer } },
  errors: [404],
  handler: ({ services: { manager, views } }) => {
    /** The status of a finished job never changes. Keeping its JSON saves 7 % of the CPU time of a request. */
    const final = new WeakMap<Job, string>();
    return async (request, response) => {
      const job = await ownJob(manager, request, response);
      let text = final.get(job);
      if (text === undefined) {
        const body: z.input<typeof jobStatusAnswer> = await views.status(job);
        text = JSON.stringify(body);
        if (isFinished(job)) final.set(job, text);
      }
      // `response.json` evaluates settings that are not used, which takes a tenth of the whole request.
      response.setHeader('Content-Type', 'application/json; charset=utf-8');
      response.setHeader('Content-Length', Buffer.byteLength(text));
      response.setHeader('Cache-Control', 'no-store').end(text);
    };
  },
};

/** Endpoints that change one job. */
export const jobEndpoints: readonly Endpoint[] = [
  {
    id: 'cancel_job',
    method: 'post',
    path: '/api/jobs/{id}/cancel',
    tag: TAGS.jobs,
    summary: 'Cancels a job: removes it from the queue, or interrupts it on ComfyUI.',
    access: 'key',
    request: { path: jobPath },
    responses: { 200: { description: 'The status, now cancelled.', schema: jobStatusAnswer } },
    errors: [404, 409],
    handler:
      ({ services: { manager, views } }) =>
      async (request, response) => {
        const { id } = await ownJob(manager, request, response);
        const cancelled = await withStatusUrl(id, () => manager.cancel(id));
        response.json(await views.status(cancelled));
      },
  },
  {
    id: 'job_info',
    method: 'get',
    path: '/api/jobs/{id}/info',
    tag: TAGS.jobs,
    summary: 'The record of a job, why it waits or was assigned to its machine, and how long its nodes took.',
    access: 'key',
    request: { path: jobPath },
    responses: { 200: { description: 'The record.', schema: jobInfo } },
    errors: [404],
    handler:
      ({ services }) =>
      async (request, response) => {
        const job = await ownJob(services.manager, request, response);
        const [record] = await recordsOf([job], services);
        const scheduling = services.processor.scheduling(job.id);
        response.json({
          ...record,
          ...(scheduling ? { scheduling: schedulingView(scheduling) } : {}),
          ...nodesView(job),
        });
      },
  },
  {
    id: 'delete_job',
    method: 'delete',
    path: '/api/jobs/{id}',
    tag: TAGS.jobs,
    summary: 'Deletes a job, its result and its waiting webhook. A running job is cancelled first.',
    access: 'admin',
    request: { path: jobPath },
    responses: { 200: { description: 'Deleted.', schema: deletedAnswer } },
    errors: [404],
    handler:
      ({ services: { manager } }) =>
      async (request, response) => {
        const id = idOf(request);
        await manager.remove(id);
        const body: z.input<typeof deletedAnswer> = { message: 'Job deleted.', job_id: id };
        response.json(body);
      },
  },
];

async function recordsOf(jobs: readonly Job[], { webhooks }: Services): Promise<z.input<typeof jobRecord>[]> {
  const deliveries = await webhooks?.deliveriesOf(jobs);
  return jobs.map((job) => jobRecordView(job, deliveries?.get(job.id)));
}
