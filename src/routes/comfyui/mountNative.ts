import type { Express } from 'express';
import { mount } from '../mount.js';
import { firstName } from './canonicalUrl.js';
import { fileEndpoints } from './files.js';
import { fleetEndpoints } from './fleet.js';
import { jobEndpoints } from './jobs.js';
import type { NativeContext, NativeEndpoint } from './NativeEndpoint.js';
import { passThrough } from './passThrough.js';
import { promptEndpoints } from './prompts.js';
import { queueEndpoints } from './queue.js';
import { socketEndpoint } from './socket.js';

const endpoints: readonly NativeEndpoint[] = [
  ...promptEndpoints,
  ...queueEndpoints,
  ...fileEndpoints,
  ...fleetEndpoints,
  ...jobEndpoints,
  socketEndpoint,
];

/** Adds ComfyUI's own API: its routes, each also under `/api`, and the proxy to a machine for everything else. */
export function mountNative(app: Express, context: NativeContext): void {
  app.use((request, _response, next) => {
    // Newer ComfyUI versions have these only under `/api`.
    if (!/^\/api\/jobs(\/|\?|$)/.test(request.url)) request.url = request.url.replace(/^\/api(?=\/)/, '');
    next();
  });
  mount(app, endpoints, context);
  app.use(passThrough(context, new Set(endpoints.map(({ path }) => firstName(path)))));
}
