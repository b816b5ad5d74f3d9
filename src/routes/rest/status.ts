import type { z } from 'zod';
import { callerOf } from '../../middleware/authentication.js';
import { statusMetricsAnswer } from '../../schemas/metrics.js';
import { healthAnswer, livezAnswer, readyzAnswer, statusAnswer } from '../../schemas/status.js';
import { healthView, statusView } from '../../views/healthViews.js';
import { type Endpoint, TAGS } from '../Endpoint.js';

/** Whether a path is one of these, in any of the ways in which Express takes it for one. */
export function isForLoadBalancers(path: string): boolean {
  return /^\/(status(\/metrics)?|health|livez|readyz)\/?$/i.test(path);
}

/** What load balancers and people on call ask. */
export const statusEndpoints: readonly Endpoint[] = [
  {
    id: 'health',
    method: 'get',
    path: '/health',
    tag: TAGS.health,
    summary: 'Everything about the health of server and instances.',
    access: 'open',
    responses: {
      200: { description: 'Healthy or degraded.', schema: healthAnswer },
      503: { description: 'Critical.', schema: healthAnswer },
    },
    handler:
      ({ services }) =>
      async (_request, response) => {
        // It stays open for load balancers, and our machines' addresses are not for everybody.
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
    summary: 'The same in brief, for load balancers.',
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
    summary: 'Whether the process answers. Restart it when it does not.',
    access: 'open',
    responses: { 200: { description: 'It does.', schema: livezAnswer } },
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
    summary: 'Whether the server can take a job, whatever the machines do.',
    access: 'open',
    responses: { 200: { description: 'It can.', schema: readyzAnswer } },
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
    summary: 'The most important figures.',
    access: 'key',
    responses: { 200: { description: 'Figures.', schema: statusMetricsAnswer } },
    handler:
      ({ services }) =>
      async (_request, response) => {
        response.json(await services.metrics.brief());
      },
  },
];
