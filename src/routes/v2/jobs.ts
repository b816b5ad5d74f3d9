import type { Request, Response } from 'express';
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { callerOf, isAdmin, listedOwner, ownerOf } from '../../middleware/authentication.js';
import { unreadableJson } from '../../middleware/parseJsonBody.js';
import { receiveJson } from '../../middleware/receiveJson.js';
import { requestIdOf } from '../../middleware/requestContext.js';
import { hangUpSignal, parametersOf } from '../../middleware/upload.js';
import {
  COMFY_STATUSES,
  comfyJob,
  comfyJobBody,
  comfyJobList,
  comfyListQuery,
  comfyWorkflow,
} from '../../schemas/comfy.js';
import { invalidParameter, parseParameters } from '../../schemas/parse.js';
import type { Job } from '../../services/jobs/Job.js';
import { assetReferences } from '../../services/submissions/assetReferences.js';
import type { GraphSubmission } from '../../services/submissions/GraphSubmissions.js';
import { isJsonObject, type Json, numberIn, stringifyJson } from '../../utils/losslessJson.js';
import { COMFY_STATUS_OF } from '../../views/comfyViews.js';
import { graphSource } from '../../views/workflowViews.js';
import { GRAPH_BODY_LIMITS, MAX_GRAPH_LENGTH, readGraph } from '../../workflows/files/readGraph.js';
import { invalidWorkflow } from '../../workflows/files/workflowError.js';
import { GRAPH_TYPE } from '../../workflows/graphNeeds.js';
import { bodyLimits } from '../bodyLimits.js';
import { type Endpoint, type RouteContext, TAGS } from '../Endpoint.js';
import { idOf } from '../ownJob.js';
import { HIGHEST_PRIORITY, highestPriority } from '../priority.js';
import { idempotencyKey } from '../requestHeaders.js';
import { ownComfyJob, viewOf } from './comfyJobs.js';

/** The graph, and the JSON around it. */
const MAX_BODY_BYTES = 2 * MAX_GRAPH_LENGTH;
const MAX_METADATA_BYTES = 1024;
const MAX_KEY_LENGTH = 4096;

export const comfyJobPath = z.object({ id: z.string().meta({ description: 'Id of the job.' }) });

const idempotencyHeader = z.object({
  'Idempotency-Key': z.string().max(255).optional().meta({
    description:
      'A repeated request with the same key and body returns the same job, with Idempotency-Replayed: true, as long as the job is kept.',
  }),
});

/** Jobs of client graphs. */
export const comfyJobEndpoints: readonly Endpoint[] = [
  {
    id: 'comfy_submit_job',
    method: 'post',
    path: '/api/v2/jobs',
    tag: TAGS.comfy,
    form: 'comfy',
    summary: 'Runs a graph on any machine that has its nodes and models.',
    access: 'key',
    request: { headers: idempotencyHeader, body: { 'application/json': comfyJobBody } },
    responses: { 201: { description: 'The job, in the queue.', schema: comfyJob } },
    errors: [400, 408, 409, 413, 415, 422, 429, 503],
    handler: (context) => {
      const { graphSubmissions } = context.services;
      const limits = bodyLimits(context, MAX_BODY_BYTES);
      return async (request, response) => {
        // Before the upload, which would be in vain.
        graphSubmissions.checkPermission(isAdmin(callerOf(response)));
        const signal = hangUpSignal(response);
        // The graph is one level deep in the body.
        const body = await receiveJson(request, response, limits, GRAPH_BODY_LIMITS);
        const submission = submissionOf(body, { request, response, context, signal });
        const { job, isRepeated } = await graphSubmissions.submit(submission);
        if (isRepeated) response.set('Idempotency-Replayed', 'true');
        const view = await viewOf(job, request, context);
        response.status(201).location(view.urls.self).json(view);
      };
    },
  },
  {
    id: 'comfy_list_jobs',
    method: 'get',
    path: '/api/v2/jobs',
    tag: TAGS.comfy,
    form: 'comfy',
    summary: 'Jobs of graphs, the newest first.',
    access: 'key',
    request: { query: comfyListQuery },
    responses: { 200: { description: 'The jobs.', schema: comfyJobList } },
    errors: [400],
    handler: (context) => async (request, response) => {
      const { status, limit } = parseParameters(comfyListQuery, parametersOf(request));
      const own = COMFY_STATUSES_OF.get(status);
      const filter = { type: GRAPH_TYPE, status: own, owner: listedOwner(response) };
      const { manager } = context.services;
      const isNone = status !== undefined && own === undefined;
      const { jobs, total } = isNone
        ? { jobs: [], total: 0 }
        : await manager.list(filter, { limit, offset: 0 });
      const views = await Promise.all(jobs.map((job) => viewOf(job, request, context)));
      const body: z.input<typeof comfyJobList> = { jobs: views, total };
      response.json(body);
    },
  },
  {
    id: 'comfy_job',
    method: 'get',
    path: '/api/v2/jobs/{id}',
    tag: TAGS.comfy,
    form: 'comfy',
    summary: 'A job: its status, its progress, and the outputs that are available so far.',
    access: 'key',
    request: { path: comfyJobPath },
    responses: { 200: { description: 'The job.', schema: comfyJob } },
    errors: [404],
    handler: (context) => async (request, response) => {
      const job = await ownComfyJob(context, idOf(request), response);
      response.json(await viewOf(job, request, context));
    },
  },
  {
    id: 'comfy_job_workflow',
    method: 'get',
    path: '/api/v2/jobs/{id}/workflow',
    tag: TAGS.comfy,
    form: 'comfy',
    summary: 'The graph of a job, as it was sent.',
    access: 'key',
    request: { path: comfyJobPath },
    responses: { 200: { description: 'The graph.', schema: comfyWorkflow } },
    errors: [404],
    handler: (context) => async (request, response) => {
      const { request: submitted } = await ownComfyJob(context, idOf(request), response);
      const graph = graphSource(submitted.workflow);
      if (graph === undefined) throw new AppError('NOT_FOUND', 'The graph of this job no longer exists.');
      // `JSON.stringify` would change large numbers.
      response.type('json').send(`{"workflow":${stringifyJson(graph)},"format":"api"}`);
    },
  },
  {
    id: 'comfy_cancel_job',
    method: 'post',
    path: '/api/v2/jobs/{id}/cancel',
    tag: TAGS.comfy,
    form: 'comfy',
    summary: 'Cancels a job. A job that has ended does not change.',
    access: 'key',
    request: { path: comfyJobPath },
    responses: { 200: { description: 'The job.', schema: comfyJob } },
    errors: [404, 503],
    handler: (context) => async (request, response) => {
      const { id } = await ownComfyJob(context, idOf(request), response);
      const job = await cancelled(id, context);
      response.json(await viewOf(job, request, context));
    },
  },
];

const COMFY_STATUSES_OF = new Map(
  COMFY_STATUSES.flatMap((status) => {
    const own = (['pending', 'processing', 'completed', 'failed', 'cancelled'] as const).find(
      (one) => COMFY_STATUS_OF[one] === status,
    );
    return own === undefined ? [] : [[status as string | undefined, own] as const];
  }),
);

async function cancelled(id: string, { services: { manager } }: RouteContext): Promise<Job> {
  try {
    return await manager.cancel(id);
  } catch (error) {
    if (error instanceof AppError && error.code === 'JOB_ALREADY_FINISHED') return manager.get(id);
    throw error;
  }
}

interface SubmissionRequest {
  readonly request: Request;
  readonly response: Response;
  readonly context: RouteContext;
  /** Aborts when the client disconnects. */
  readonly signal: AbortSignal;
}

/** @throws AppError for errors in the body */
function submissionOf(
  body: Json,
  { request, response, context, signal }: SubmissionRequest,
): GraphSubmission {
  if (!isJsonObject(body)) throw unreadableJson('it is no object');
  for (const field of ['webhook_url', 'inputs']) {
    if ((body.get(field) ?? null) !== null) throw invalidParameter(field, 'is not supported by this API');
  }
  const workflow = body.get('workflow');
  if (!isJsonObject(workflow))
    throw invalidWorkflow('workflow is missing: send a graph that was exported with "Export (API)".');
  const graph = readGraph(workflow);
  const caller = callerOf(response);
  return {
    graph,
    files: assetReferences(graph),
    extraData: extraDataOf(body.get('extra_data')),
    metadata: metadataOf(body.get('metadata')),
    clientPromptId: undefined,
    priority: priorityOf(body.get('priority'), highestPriority(response, context.config)),
    isAdmin: isAdmin(caller),
    waitsForSame: false,
    requestId: requestIdOf(response),
    owner: ownerOf(response),
    client: caller.id,
    idempotencyKey: idempotencyKey(request),
    signal,
  };
}

/** Returns the only entry that this API supports. */
function extraDataOf(value: Json | undefined): GraphSubmission['extraData'] {
  const name = 'api_key_comfy_org';
  if (value === undefined || value === null) return new Map();
  if (!isJsonObject(value)) throw invalidParameter('extra_data', 'must be an object');
  const key = value.get(name);
  if (key === undefined || key === null) return new Map();
  if (typeof key === 'string' && key.length <= MAX_KEY_LENGTH) return new Map([[name, key]]);
  throw invalidParameter(name, `must be a text of at most ${MAX_KEY_LENGTH} characters`);
}

function metadataOf(value: Json | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && Buffer.byteLength(value) <= MAX_METADATA_BYTES) return value;
  throw invalidParameter('metadata', `must be a text of at most ${MAX_METADATA_BYTES} bytes`);
}

/**
 * Limits values to the range instead of rejecting them, because the priority is only a hint.
 * @param highest priority that the caller may use
 */
function priorityOf(value: Json | undefined, highest: number): number | undefined {
  if (value === undefined || value === null) return undefined;
  const number = numberIn(value);
  if (number === undefined || !Number.isInteger(number))
    throw invalidParameter('priority', 'must be a whole number');
  return Math.max(-HIGHEST_PRIORITY, Math.min(highest, number));
}
