import type { Response } from 'express';
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { callerOf, isAdmin } from '../../middleware/authentication.js';
import { receiveJson } from '../../middleware/receiveJson.js';
import {
  workflowAnswer,
  workflowBody,
  workflowDeletedAnswer,
  workflowsAnswer,
} from '../../schemas/workflows.js';
import { isJsonObject, type Json, plainJson, stringifyJson } from '../../utils/losslessJson.js';
import { workflowSource, workflowsView, workflowView } from '../../views/workflowViews.js';
import { GRAPH_BODY_LIMITS, MAX_GRAPH_LENGTH } from '../../workflows/files/readGraph.js';
import { noSuchWorkflow } from '../../workflows/noSuchWorkflow.js';
import type { Workflow } from '../../workflows/types.js';
import { bodyLimits } from '../bodyLimits.js';
import { type Endpoint, type RouteContext, TAGS } from '../Endpoint.js';

const path = z.object({ type: z.string().meta({ description: 'Type of the workflow.' }) });

/** The graph, the manifest, and the JSON around them. */
const MAX_BODY_BYTES = 2 * MAX_GRAPH_LENGTH;

const nameOf = (params: Record<string, unknown>) => String(params['type']);

/** Endpoints to read workflows, and to change those from files. */
export const workflowEndpoints: readonly Endpoint[] = [
  {
    id: 'workflows',
    method: 'get',
    path: '/api/workflows',
    tag: TAGS.processing,
    summary: 'Lists the workflows with inputs, outputs and the instances that can run them.',
    access: 'key',
    responses: { 200: { description: 'The workflows.', schema: workflowsAnswer } },
    handler:
      ({ services }) =>
      (_request, response) => {
        response.json(workflowsView(services.workflows.all(), services));
      },
  },
  {
    id: 'workflow',
    method: 'get',
    path: '/api/workflows/{type}',
    tag: TAGS.processing,
    summary: 'One workflow. With a key of the scope admin, also its graph and manifest.',
    access: 'key',
    request: { path },
    responses: { 200: { description: 'The workflow.', schema: workflowAnswer } },
    errors: [404],
    handler: (context) => (request, response) => {
      const { workflows } = context.services;
      const type = nameOf(request.params);
      const workflow = workflows.get(type);
      if (!workflow) throw noSuchWorkflow(type, workflows.all());
      send(response, workflow, context);
    },
  },
  {
    id: 'put_workflow',
    method: 'put',
    path: '/api/workflows/{type}',
    tag: TAGS.processing,
    summary: 'Stores a graph as a workflow, or replaces it. Running jobs finish with the old version.',
    access: 'admin',
    request: { path, body: { 'application/json': workflowBody } },
    responses: {
      200: { description: 'Replaced.', schema: workflowAnswer },
      201: { description: 'Created.', schema: workflowAnswer },
    },
    errors: [400, 408, 409, 413, 415, 422, 503],
    handler: (context) => {
      const { workflows, needs } = context.services;
      const limits = bodyLimits(context, MAX_BODY_BYTES);
      return async (request, response) => {
        // The graph is one level deep in the body.
        const body = await receiveJson(request, response, limits, GRAPH_BODY_LIMITS);
        const { graph, manifest } = contentOf(body);
        const { workflow, isNew } = await workflows.put(nameOf(request.params), graph, manifest);
        // The machines are checked first, so that the workflow is usable immediately.
        await needs.settled();
        response.status(isNew ? 201 : 200);
        send(response, workflows.get(workflow.type) ?? workflow, context);
      };
    },
  },
  {
    id: 'delete_workflow',
    method: 'delete',
    path: '/api/workflows/{type}',
    tag: TAGS.processing,
    summary: 'Deletes a workflow that comes from a file. Its jobs finish.',
    access: 'admin',
    request: { path },
    responses: { 200: { description: 'Removed.', schema: workflowDeletedAnswer } },
    errors: [404, 409, 422, 503],
    handler:
      ({ services: { workflows } }) =>
      async (request, response) => {
        const type = nameOf(request.params);
        await workflows.delete(type);
        const deleted: z.input<typeof workflowDeletedAnswer> = { type, deleted: true };
        response.json(deleted);
      },
  },
];

/** JSON.stringify would change large numbers of a graph, so the graph is added as text. */
function send(response: Response, workflow: Workflow, { services }: RouteContext): void {
  const view: z.input<typeof workflowAnswer> = workflowView(workflow, services);
  const source = isAdmin(callerOf(response)) ? workflowSource(workflow) : undefined;
  if (!source) {
    response.json(view);
    return;
  }
  const text = JSON.stringify({ ...view, manifest: source.manifest }, withBigIntegers);
  response.type('json').send(`${text.slice(0, -1)},"graph":${stringifyJson(source.graph)}}`);
}

/** Integers beyond 2^53 become strings. */
const withBigIntegers = (_key: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);

/** @throws AppError `INVALID_PARAMETER` */
function contentOf(json: Json): { graph: Json; manifest: unknown } {
  const graph = isJsonObject(json) ? json.get('graph') : undefined;
  if (!isJsonObject(json) || graph === undefined) {
    throw new AppError('INVALID_PARAMETER', 'graph is missing: send { "graph": …, "manifest": … }.', {
      details: { parameter: 'graph', takes: 'a graph that was exported with "Export (API)"' },
    });
  }
  const manifest = json.get('manifest') ?? undefined;
  return { graph, manifest: manifest === undefined ? undefined : plainJson(manifest) };
}
