import type { z } from 'zod';
import { callerOf } from '../../middleware/authentication.js';
import { statusMetricsAnswer } from '../../schemas/metrics.js';
import { healthAnswer, livezAnswer, readyzAnswer, statusAnswer } from '../../schemas/status.js';
import { healthView, statusView } from '../../views/healthViews.js';
import { type Endpoint, TAGS } from '../Endpoint.js';

/** Whether a path is one of these, in every spelling that Express accepts. */
export function isForLoadBalancers(path: string): boolean {
  return /^\/(status(\/metrics)?|health|livez|readyz)\/?$/i.test(path);
}

/** Endpoints for load balancers and operators. */
export const statusEndpoints: readonly Endpoint[] = [
  {
    id: 'health',
    method: 'get',
    path: '/health',
    tag: TAGS.health,
    summary: 'The health of the server and its instances in detail.',
    access: 'open',
    responses: {
      200: { description: 'Healthy or degraded.', schema: healthAnswer },
      503: { description: 'Critical.', schema: healthAnswer },
    },
    handler:
      ({ services }) =>
      async (_request, response) => {
        // The endpoint is open for load balancers, but the addresses of the machines are not public.
        const { areKeysNeeded, key } = callerOf(response);
        const body = await healthView(services, areKeysNeeded && !key);
        response.status(body.status === 'critical' ? 503 : 200).json(body);
      },
  },
  {
    id: 'status',
    method: 'get',
    path: '/status',
    tag: TAGS.health,
    summary: 'The health in brief, for load balancers.',
    access: 'open',
    responses: {
      200: { description: 'Healthy or degraded.', schema: statusAnswer },
      503: { description: 'Critical.', schema: statusAnswer },
    },
    handler:
      ({ services }) =>
      async (_request, response) => {
        const body = await statusView(services);
        response.status(body.status === 'critical' ? 503 : 200).json(body);
      },
  },
  {
    id: 'livez',
    method: 'get',
    path: '/livez',
    tag: TAGS.health,
    summary: 'Liveness: whether the process responds. Restart it if it does not.',
    access: 'open',
    responses: { 200: { description: 'The process responds.', schema: livezAnswer } },
    handler: () => {
      const body: z.input<typeof livezAnswer> = { status: 'alive' };
      return (_request, response) => {
        response.json(body);
      };
    },
  },
  {
    id: 'readyz',
    method: 'get',
    path: '/readyz',
    tag: TAGS.health,
    summary: 'Readiness: whether the server can accept a job, regardless of the machines.',
    access: 'open',
    responses: { 200: { description: 'The server can accept a job.', schema: readyzAnswer } },
    errors: [503],
    handler: ({ services: { health } }) => {
      const body: z.input<typeof readyzAnswer> = { status: 'ready' };
      return (_request, response) => {
        health.checkReady();
        response.json(body);
      };
    },
  },
  {
    id: 'status_metrics',
    method: 'get',
    path: '/status/metrics',
    tag: TAGS.health,
    summary: 'The most important metrics.',
    access: 'key',
    responses: { 200: { description: 'Figures.', schema: statusMetricsAnswer } },
    handler:
      ({ services }) =>
      async (_request, response) => {
        response.json(await services.metrics.brief());
      },
  },
];
