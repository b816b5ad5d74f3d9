import type { Request, Response } from 'express';
import { AppError } from '../../errors.js';
import { clientOf } from '../../middleware/authentication.js';
import { jobResultAnswer } from '../../schemas/jobs.js';
import { isDecodable } from '../../services/images/formats.js';
import { UndecodableImage } from '../../services/images/Thumbnails.js';
import type { JobManager } from '../../services/jobs/JobManager.js';
import { type Endpoint, TAGS } from '../Endpoint.js';
import { jobPath, ownJob, withStatusUrl } from '../ownJob.js';
import { ANY_RESULT_TYPES, wantsBytes } from '../sendResult.js';

/** The result of a job. */
export const resultEndpoints: readonly Endpoint[] = [
  {
    id: 'job_result',
    method: 'get',
    path: '/api/jobs/{id}/result',
    tag: TAGS.jobs,
    summary: 'The result of a completed job.',
    access: 'key',
    request: { path: jobPath },
    responses: {
      200: {
        description: 'The result. With its type in Accept, such as image/*, the output itself.',
        schema: jobResultAnswer,
        types: ANY_RESULT_TYPES,
      },
    },
    errors: [404, 406, 409, 410],
    handler:
      ({ services: { manager, views }, sender }) =>
      async (request, response) => {
        const { job, bytes } = await resultOf(manager, request, response);
        if (wantsBytes(request, job.result.outputs[0])) {
          await sender.primary(request, response, job, bytes);
          return;
        }
        const shown = await withStatusUrl(job.id, () => manager.outputs.shownBytes(job, bytes));
        await sender.json(response, views.completed(job, shown), job, shown);
      },
  },
  {
    id: 'job_result_image',
    method: 'get',
    path: '/api/jobs/{id}/result/image',
    tag: TAGS.jobs,
    summary: 'The primary output of a completed job. Supports ETag.',
    access: 'key',
    request: { path: jobPath },
    responses: { 200: { description: 'The primary output.', types: ANY_RESULT_TYPES } },
    errors: [404, 409, 410],
    handler:
      ({ services: { manager }, sender }) =>
      async (request, response) => {
        const { job, bytes } = await resultOf(manager, request, response);
        await sender.primary(request, response, job, bytes);
      },
  },
  {
    id: 'job_thumbnail',
    method: 'get',
    path: '/api/jobs/{id}/result/thumbnail',
    tag: TAGS.jobs,
    summary: 'A WebP thumbnail of the image of a completed job, at most 192 x 192 pixels.',
    access: 'key',
    request: { path: jobPath },
    responses: { 200: { description: 'The thumbnail.', types: ['image/webp'] } },
    errors: [404, 409, 410],
    handler:
      ({ services: { manager, thumbnails } }) =>
      async (request, response) => {
        const { job } = await resultOf(manager, request, response);
        const { outputs } = job.result;
        const index = outputs.findIndex(({ kind, mimeType }) => kind === 'image' && isDecodable(mimeType));
        if (index < 0) throw nothingToShow(job.id);
        response.set({ ETag: `"${job.id}-small"`, 'Cache-Control': 'private, no-cache' });
        if (request.fresh) {
          response.status(304).end();
          return;
        }
        // Loaded when its turn comes, so that waiting requests keep no image in memory.
        const load = async () =>
          (await withStatusUrl(job.id, () => manager.outputs.output(job.id, index))).bytes;
        const bytes = await thumbnails.get(job.id, load, clientOf(response)).catch((error: unknown) => {
          throw error instanceof UndecodableImage ? nothingToShow(job.id, error) : error;
        });
        response.type('webp').send(bytes);
      },
  },
];

function nothingToShow(id: string, cause?: unknown): AppError {
  return new AppError('NOT_FOUND', 'The job has no image that can be shown.', {
    cause,
    fields: { job_id: id },
  });
}

async function resultOf(
  manager: JobManager,
  request: Request,
  response: Response,
): ReturnType<JobManager['outputs']['storedOutput']> {
  const { id } = await ownJob(manager, request, response);
  return withStatusUrl(id, () => manager.outputs.storedOutput(id, 0));
}
