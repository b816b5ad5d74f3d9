import type { Express } from 'express';
import { mount } from '../mount.js';
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

/** Adds ComfyUI's own API: its routes, each also under `/api`, and behind them a machine. */
export function mountNative(app: Express, context: NativeContext): void {
  app.use((request, _response, next) => {
    // Newer servers have these under `/api` alone.
    if (!/^\/api\/jobs(\/|\?|$)/.test(request.url)) request.url = request.url.replace(/^\/api(?=\/)/, '');
    next();
  });
  mount(app, endpoints, context);
  app.use(passThrough(context));
}
