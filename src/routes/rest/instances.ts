import type { Request, Response } from 'express';
import { z } from 'zod';
import type { BodyLimits } from '../../middleware/receiveBody.js';
import { receiveJson } from '../../middleware/receiveJson.js';
import { instanceAnswer, instancesAnswer, machineEntry, machinePatch } from '../../schemas/instances.js';
import { parseFields } from '../../schemas/parse.js';
import type { Services } from '../../services/index.js';
import type { Instance } from '../../services/instances/Instance.js';
import { toIso } from '../../utils/clock.js';
import { plainJson } from '../../utils/losslessJson.js';
import { machineView } from '../../views/fleetViews.js';
import { bodyLimits } from '../bodyLimits.js';
import { type Endpoint, TAGS } from '../Endpoint.js';

const path = z.object({ name: z.string().meta({ description: 'Name of the instance.' }) });

const MAX_BODY_BYTES = 64 * 1024;
const JSON_LIMITS = { maxDepth: 8, maxValues: 10_000 };

/** List, add, change and remove machines. */
export const instanceEndpoints: readonly Endpoint[] = [
  {
    id: 'list_instances',
    method: 'get',
    path: '/api/instances',
    tag: TAGS.instances,
    summary: 'Lists the ComfyUI machines with state, health, loaded models and measured speed.',
    access: 'key',
    responses: { 200: { description: 'The instances.', schema: instancesAnswer } },
    handler:
      ({ services }) =>
      (_request, response) => {
        const { fleet, desk, clock } = services;
        const body: z.input<typeof instancesAnswer> = {
          timestamp: toIso(clock.now()),
          instances: fleet.instances.map((instance) => machineView(instance, services)),
          problems: [...desk.problems],
        };
        response.json(body);
      },
  },
  {
    id: 'add_instance',
    method: 'post',
    path: '/api/instances',
    tag: TAGS.instances,
    summary: 'Adds a machine, or every machine of a DNS name. It gets jobs after a successful check.',
    access: 'admin',
    request: { body: { 'application/json': machineEntry } },
    responses: {
      201: { description: 'Added; or leaving, until its jobs have ended.', schema: instanceAnswer },
    },
    errors: [400, 408, 409, 413, 415, 503],
    handler: (context) => {
      const { services } = context;
      const limits = bodyLimits(context, MAX_BODY_BYTES);
      return async (request, response) => {
        const entry = await receiveFields(request, response, limits, machineEntry);
        send(response, 201, await services.desk.add(entry), services);
      };
    },
  },
  {
    id: 'change_instance',
    method: 'patch',
    path: '/api/instances/{name}',
    tag: TAGS.instances,
    summary: 'Changes the job limit, labels or state of a machine.',
    access: 'admin',
    request: { path, body: { 'application/json': machinePatch } },
    responses: { 200: { description: 'Changed.', schema: instanceAnswer } },
    errors: [400, 404, 408, 413, 415, 503],
    handler: (context) => {
      const { services } = context;
      const limits = bodyLimits(context, MAX_BODY_BYTES);
      return async (request, response) => {
        const patch = await receiveFields(request, response, limits, machinePatch);
        const instance = await services.desk.change(String(request.params['name']), patch);
        send(response, 200, [instance], services);
      };
    },
  },
  {
    id: 'remove_instance',
    method: 'delete',
    path: '/api/instances/{name}',
    tag: TAGS.instances,
    summary: 'Removes a machine: it gets no more jobs, and disappears when its last job has ended.',
    access: 'admin',
    request: { path },
    responses: {
      200: { description: 'Removed; or leaving, until its jobs have ended.', schema: instanceAnswer },
    },
    errors: [404, 503],
    handler:
      ({ services }) =>
      async (request, response) => {
        const instance = await services.desk.remove(String(request.params['name']));
        const isThere = instance && services.fleet.isLeaving(instance);
        send(response, 200, isThere ? [instance] : [], services);
      },
  },
];

function send(response: Response, status: number, instances: readonly Instance[], services: Services): void {
  const body: z.input<typeof instanceAnswer> = {
    timestamp: toIso(services.clock.now()),
    instances: instances.map((instance) => machineView(instance, services)),
  };
  response.status(status).json(body);
}

/** @throws AppError as `receiveJson`, and `INVALID_PARAMETER` that names the fields but not their values, which may be secret */
async function receiveFields<T extends z.ZodType>(
  request: Request,
  response: Response,
  limits: BodyLimits,
  schema: T,
): Promise<z.output<T>> {
  return parseFields(schema, plainJson(await receiveJson(request, response, limits, JSON_LIMITS)));
}
