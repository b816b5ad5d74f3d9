import type { Response } from 'express';
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { callerOf } from '../../middleware/authentication.js';
import { jsonBytes } from '../../middleware/jsonBytes.js';
import { parseJsonBody, unreadableJson } from '../../middleware/parseJsonBody.js';
import {
  workflowAnswer,
  workflowBody,
  workflowDeletedAnswer,
  workflowsAnswer,
} from '../../schemas/workflows.js';
import { isJsonObject, type Json, plainJson, stringifyJson } from '../../utils/losslessJson.js';
import { workflowSource, workflowsView, workflowView } from '../../views/workflowViews.js';
import { MAX_GRAPH_DEPTH, MAX_GRAPH_LENGTH } from '../../workflows/files/readGraph.js';
import type { Workflow } from '../../workflows/types.js';
import { type Endpoint, type RouteContext, TAGS } from '../Endpoint.js';

const path = z.object({ type: z.string().meta({ description: 'Type of the workflow.' }) });

/** The graph, the manifest, and what is around them. */
const MAX_BODY_BYTES = 2 * MAX_GRAPH_LENGTH;

const nameOf = (params: Record<string, unknown>) => String(params['type']);

/** Workflows: to look at, and those of files to change. */
export const workflowEndpoints: readonly Endpoint[] = [
  {
    id: 'workflows',
    method: 'get',
    path: '/api/workflows',
    tag: TAGS.processing,
    summary: 'What can be run, with inputs and outputs, and which instances can.',
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
    summary: 'One workflow; its graph and manifest too, for keys of the scope admin.',
    access: 'key',
    request: { path },
    responses: { 200: { description: 'The workflow.', schema: workflowAnswer } },
    errors: [404],
    handler: (context) => (request, response) => {
      const workflow = context.services.workflows.get(nameOf(request.params));
      if (!workflow) throw new AppError('WORKFLOW_NOT_FOUND', 'There is no workflow of this name.');
      send(response, workflow, context);
    },
  },
  {
    id: 'put_workflow',
    method: 'put',
    path: '/api/workflows/{type}',
    tag: TAGS.processing,
    summary:
      'Keeps a graph as a workflow, in place of one of the same type. Running jobs finish as they began.',
    access: 'admin',
    request: { path, body: { 'application/json': workflowBody } },
    responses: {
      200: { description: 'Replaced.', schema: workflowAnswer },
      201: { description: 'Created.', schema: workflowAnswer },
    },
    errors: [400, 409, 413, 422, 503],
    handler: (context) => [
      jsonBytes(MAX_BODY_BYTES),
      async (request, response) => {
        const { workflows, needs } = context.services;
        const { graph, manifest } = readBody(request.body);
        const { workflow, isNew } = await workflows.put(nameOf(request.params), graph, manifest);
        // The machines are asked first, so that it can be used at once.
        await needs.settled();
        response.status(isNew ? 201 : 200);
        send(response, workflows.get(workflow.type) ?? workflow, context);
      },
    ],
  },
  {
    id: 'delete_workflow',
    method: 'delete',
    path: '/api/workflows/{type}',
    tag: TAGS.processing,
    summary: 'Removes a workflow that comes of a file. Its jobs go on.',
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

/** JavaScript's own JSON would change large numbers of a graph, so the graph is added as text. */
function send(response: Response, workflow: Workflow, { services }: RouteContext): void {
  const view: z.input<typeof workflowAnswer> = workflowView(workflow, services);
  const { areKeysNeeded, key } = callerOf(response);
  const source = !areKeysNeeded || key?.scope === 'admin' ? workflowSource(workflow) : undefined;
  if (!source) {
    response.json(view);
    return;
  }
  const text = JSON.stringify({ ...view, manifest: source.manifest }, withBigIntegers);
  response.type('json').send(`${text.slice(0, -1)},"graph":${stringifyJson(source.graph)}}`);
}

/** A bound or default beyond 2^53 is told as text. */
const withBigIntegers = (_key: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);

/** @throws AppError `MALFORMED_UPLOAD`, `INVALID_PARAMETER` */
function readBody(bytes: unknown): { graph: Json; manifest: unknown } {
  if (!Buffer.isBuffer(bytes)) throw unreadableJson('it is no JSON in UTF-8');
  // The graph lies one level deep in the body.
  const json = parseJsonBody(bytes, MAX_GRAPH_DEPTH + 1);
  const graph = isJsonObject(json) ? json.get('graph') : undefined;
  if (!isJsonObject(json) || graph === undefined) {
    throw new AppError('INVALID_PARAMETER', 'graph is missing: send { "graph": …, "manifest": … }.', {
      details: { parameter: 'graph', takes: 'takes a graph as "Export (API)" writes it' },
    });
  }
  const manifest = json.get('manifest') ?? undefined;
  return { graph, manifest: manifest === undefined ? undefined : plainJson(manifest) };
}
