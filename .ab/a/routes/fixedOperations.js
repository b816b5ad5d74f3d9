import * as metrics from '../schemas/metrics.js';
import { healthAnswer, statusAnswer } from '../schemas/status.js';
import { workflowsAnswer } from '../schemas/workflows.js';
import { eventStream, jobOperations } from './jobOperations.js';
import { TAGS } from './operations.js';
const systemOperations = [
    {
        id: 'workflows',
        method: 'get',
        path: '/api/workflows',
        tag: TAGS.processing,
        summary: 'What can be run, with its parameters as JSON Schema, and which instances can.',
        answers: { 200: { description: 'The workflows.', schema: workflowsAnswer } },
        errors: [500],
    },
    {
        id: 'events',
        method: 'get',
        path: '/api/events',
        tag: TAGS.health,
        summary: 'What happens in the whole system as server-sent events: job, job_removed, instance and breaker; begins with every instance and breaker.',
        answers: {},
        other: { ...eventStream, description: 'Events without end.' },
        access: 'admin',
        errors: [500],
    },
];
const statusOperations = [
    {
        id: 'health',
        method: 'get',
        path: '/health',
        tag: TAGS.health,
        summary: 'Everything about the health of server and instances.',
        answers: {
            200: { description: 'Healthy or degraded.', schema: healthAnswer },
            503: { description: 'Critical.', schema: healthAnswer },
        },
        access: 'open',
        errors: [500],
    },
    {
        id: 'status',
        method: 'get',
        path: '/status',
        tag: TAGS.health,
        summary: 'The same in brief, for load balancers.',
        answers: {
            200: { description: 'Healthy or degraded.', schema: statusAnswer },
            503: { description: 'Critical.', schema: statusAnswer },
        },
        access: 'open',
        errors: [500],
    },
    {
        id: 'status_metrics',
        method: 'get',
        path: '/status/metrics',
        tag: TAGS.health,
        summary: 'The most important figures.',
        answers: { 200: { description: 'Figures.', schema: metrics.statusMetricsAnswer } },
        errors: [500],
    },
];
const metricsOperations = [
    ...[
        ['metrics', '/api/metrics', 'All figures at a glance.', metrics.metricsAnswer],
        ['performance', '/api/metrics/performance', 'Durations and throughput.', metrics.performanceAnswer],
        ['history', '/api/metrics/history', 'The last hour by the minute.', metrics.historyAnswer],
        ['errors', '/api/metrics/errors', 'What failed, where and why.', metrics.errorMetricsAnswer],
        ['instances', '/api/metrics/instances', 'Figures by instance.', metrics.instancesMetricsAnswer],
        ['persistence', '/api/metrics/persistence', 'The file that keeps them.', metrics.persistenceAnswer],
    ].map(([id, path, summary, schema]) => ({
        id,
        method: 'get',
        path,
        tag: TAGS.metrics,
        summary,
        answers: { 200: { description: 'Figures.', schema } },
        errors: [500],
    })),
    {
        id: 'instance',
        method: 'get',
        path: '/api/metrics/instances/{host}',
        tag: TAGS.metrics,
        summary: 'Figures of one instance.',
        pathParameters: { host: 'The instance as host:port.' },
        answers: { 200: { description: 'Figures.', schema: metrics.instanceMetricsAnswer } },
        errors: [404, 500],
    },
    {
        id: 'save_metrics',
        method: 'post',
        path: '/api/metrics/save',
        tag: TAGS.metrics,
        summary: 'Writes the figures to their file now.',
        answers: { 200: { description: 'Saved.', schema: metrics.metricsSavedAnswer } },
        access: 'admin',
        errors: [500],
    },
    {
        id: 'prometheus',
        method: 'get',
        path: '/metrics',
        tag: TAGS.metrics,
        summary: 'The figures for Prometheus.',
        answers: {},
        other: { types: ['text/plain'], description: "Prometheus' text format." },
        errors: [500],
    },
];
const breakerName = { name: 'instance-1, instance-2, … in the order of COMFYUI_HOST.' };
const breakerOperations = [
    {
        id: 'circuit_breakers',
        method: 'get',
        path: '/api/circuit-breakers',
        tag: TAGS.breakers,
        summary: 'The circuit breakers.',
        answers: { 200: { description: 'By name.', schema: metrics.circuitBreakersAnswer } },
        errors: [500],
    },
    ...['open', 'close'].map((action) => ({
        id: `${action}_breaker`,
        method: 'post',
        path: `/api/circuit-breakers/{name}/${action}`,
        tag: TAGS.breakers,
        summary: action === 'open'
            ? 'Gives an instance no more jobs until the breaker is closed; running ones end normally.'
            : 'Lets an instance have jobs again.',
        pathParameters: breakerName,
        answers: { 200: { description: 'Changed.', schema: metrics.circuitBreakerChangedAnswer } },
        access: 'admin',
        errors: [404, 500],
    })),
];
/** Every operation that does not come from a workflow, but for the documents themselves. */
export const fixedOperations = [
    ...jobOperations,
    ...systemOperations,
    ...statusOperations,
    ...metricsOperations,
    ...breakerOperations,
];
//# sourceMappingURL=fixedOperations.js.map