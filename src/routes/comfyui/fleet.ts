import type { RequestHandler } from 'express';
import { AppError } from '../../errors.js';
import { isJsonObject, plainJson } from '../../utils/losslessJson.js';
import type { ObjectInfo } from '../../workflows/objectInfo/mergeObjectInfo.js';
import { sendClasses } from './classListing.js';
import { endpoint, type NativeContext, ownerOf, sendJson } from './NativeEndpoint.js';

/** What the machines report about themselves, combined as if they were one machine. */
export const fleetEndpoints = [
  endpoint('get', '/object_info', ({ native }) => async (_request, response) => {
    const names = native.inputs.names(ownerOf(response));
    const classes = await native.fleet.objectInfo();
    sendClasses(response, classes, names);
  }),
  endpoint('get', '/object_info/{class}', ({ native }) => async (request, response) => {
    const name = String(request.params['class']);
    const info = (await native.fleet.objectInfo()).get(name);
    const classes: ObjectInfo = new Map(info ? [[name, info]] : []);
    sendClasses(response, classes, native.inputs.names(ownerOf(response)));
  }),
  endpoint('get', '/models', (context) => listOf(context, () => '/models')),
  endpoint('get', '/models/{folder}', (context) =>
    listOf(context, ({ params }) => `/models/${encodeURIComponent(String(params['folder']))}`),
  ),
  endpoint('get', '/embeddings', (context) => listOf(context, () => '/embeddings')),
  endpoint('get', '/features', (context) => async (_request, response) => {
    response.json(await features(context));
  }),
  endpoint('get', '/system_stats', ({ native }) => async (_request, response) => {
    const [first, ...others] = (await native.fleet.answers('/system_stats')).filter(isJsonObject);
    if (!first) throw notToBeHad('/system_stats');
    // Lists the graphics cards of all machines.
    const devices = [first, ...others].flatMap((stats) => {
      const list = stats.get('devices');
      return Array.isArray(list) ? list : [];
    });
    sendJson(response, new Map(first).set('devices', devices));
  }),
];

/** Returns the features of the server: those of the machines, within this server's own limits. */
export async function features({
  native,
  config,
}: NativeContext): Promise<Readonly<Record<string, unknown>>> {
  const [said] = (await native.fleet.answers('/features').catch(() => [])).filter(isJsonObject);
  const machine: unknown = said === undefined ? {} : plainJson(said);
  const ofMachine = machine as Readonly<Record<string, unknown>>;
  const limit = ofMachine['max_upload_size'];
  const { maxFileBytes } = config.uploads;
  return {
    ...ofMachine,
    supports_preview_metadata: true,
    // Machines send texts in the form that names no prompt, because this server asks for no other.
    ...('supports_progress_text_metadata' in ofMachine && { supports_progress_text_metadata: false }),
    max_upload_size: typeof limit === 'number' ? Math.min(limit, maxFileBytes) : maxFileBytes,
  };
}

function listOf(
  { native }: NativeContext,
  pathOf: (request: Parameters<RequestHandler>[0]) => string,
): RequestHandler {
  return async (request, response) => {
    const path = pathOf(request);
    const list = await native.fleet.list(path);
    if (!list) throw notToBeHad(path);
    sendJson(response, list);
  };
}

function notToBeHad(path: string): AppError {
  return new AppError('NOT_FOUND', `No machine has ${path.slice(0, 200)}.`);
}
