import { z } from 'zod';
import { AppError } from '../../errors.js';
import { type Caller, callerOf, mayUse } from '../../middleware/authentication.js';
import * as schemas from '../../schemas/metrics.js';
import { metricsSavedView, persistenceView } from '../../views/metricsFileViews.js';
import { type Endpoint, type RouteContext, TAGS } from '../Endpoint.js';

/** Returns an endpoint with metrics of all servers. */
function figures<Schema extends z.ZodType>(
  endpoint: Pick<Endpoint, 'id' | 'path' | 'summary'> & {
    readonly schema: Schema;
    /** @param caller which may not see the jobs of others */
    readonly view: (
      services: RouteContext['services'],
      caller: Caller,
    ) => z.input<Schema> | Promise<z.input<Schema>>;
  },
): Endpoint {
  const { id, path, summary, schema, view } = endpoint;
  return {
    id,
    method: 'get',
    path,
    tag: TAGS.metrics,
    summary,
    access: 'key',
    responses: { 200: { description: 'Figures.', schema } },
    handler:
      ({ services }) =>
      async (_request, response) => {
        response.json(await view(services, callerOf(response)));
      },
  };
}

/** Metrics for dashboards and operators. */
export const metricsEndpoints: readonly Endpoint[] = [
  figures({
    id: 'metrics',
    path: '/api/metrics',
    summary: 'An overview of all metrics.',
    schema: schemas.metricsAnswer,
    view: ({ metrics }, caller) => metrics.overview((owner) => mayUse(caller, owner)),
  }),
  figures({
    id: 'performance',
    path: '/api/metrics/performance',
    summary: 'Processing times and throughput.',
    schema: schemas.performanceAnswer,
    view: ({ metrics }) => metrics.performance(),
  }),
  figures({
    id: 'history',
    path: '/api/metrics/history',
    summary: 'The last hour by minute.',
    schema: schemas.historyAnswer,
    view: ({ metrics }) => metrics.history(),
  }),
  figures({
    id: 'errors',
    path: '/api/metrics/errors',
    summary: 'Errors by category and instance.',
    schema: schemas.errorMetricsAnswer,
    view: ({ metrics }, caller) => metrics.errors((owner) => mayUse(caller, owner)),
  }),
  figures({
    id: 'instances',
    path: '/api/metrics/instances',
    summary: 'Metrics by instance.',
    schema: schemas.instancesMetricsAnswer,
    view: ({ metrics }) => metrics.instances(),
  }),
  figures({
    id: 'persistence',
    path: '/api/metrics/persistence',
    summary: 'The state of the metrics file.',
    schema: schemas.persistenceAnswer,
    view: ({ metricsFile }) => persistenceView(metricsFile),
  }),
  {
    id: 'instance',
    method: 'get',
    path: '/api/metrics/instances/{host}',
    tag: TAGS.metrics,
    summary: 'Metrics of one instance.',
    access: 'key',
    request: { path: z.object({ host: z.string().meta({ description: 'The instance as host:port.' }) }) },
    responses: { 200: { description: 'Figures.', schema: schemas.instanceMetricsAnswer } },
    errors: [404],
    handler:
      ({ services: { metrics, instances } }) =>
      async (request, response) => {
        const host = String(request.params['host']);
        const instance = instances.find((candidate) => candidate.host === host);
        if (!instance) {
          throw new AppError('INSTANCE_NOT_FOUND', `There is no instance ${host.slice(0, 100)}.`, {
            details: { known_hosts: instances.map((known) => known.host) },
          });
        }
        response.json(await metrics.instance(instance));
      },
  },
  {
    id: 'save_metrics',
    method: 'post',
    path: '/api/metrics/save',
    tag: TAGS.metrics,
    summary: 'Writes the metrics to their file now.',
    access: 'admin',
    responses: { 200: { description: 'Saved.', schema: schemas.metricsSavedAnswer } },
    handler:
      ({ services: { metricsFile, clock } }) =>
      async (_request, response) => {
        try {
          await metricsFile.save();
        } catch (error) {
          throw new AppError('INTERNAL_ERROR', 'The metrics could not be saved.', { cause: error });
        }
        response.json(metricsSavedView(metricsFile, clock));
      },
  },
  {
    id: 'prometheus',
    method: 'get',
    path: '/metrics',
    tag: TAGS.metrics,
    summary: 'Metrics in Prometheus format.',
    access: 'key',
    responses: { 200: { description: 'The Prometheus text format.', types: ['text/plain'] } },
    handler:
      ({ services: { prometheus } }) =>
      async (_request, response) => {
        response.set('Content-Type', prometheus.contentType).send(await prometheus.text());
      },
  },
];
