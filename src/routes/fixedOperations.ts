import {
  cleanupAnswer,
  deletedAnswer,
  jobListAnswer,
  jobListQuery,
  jobRecord,
  jobResultAnswer,
  jobStatsAnswer,
  jobStatusAnswer,
  processorStatsAnswer,
} from '../schemas/jobs.js';
import * as metrics from '../schemas/metrics.js';
import { healthAnswer, statusAnswer } from '../schemas/status.js';
import { workflowsAnswer } from '../schemas/workflows.js';
import { IMAGE_TYPES, type Operation, TAGS } from './operations.js';

const jobId = { id: 'Id of the job.' };
const eventStream = { types: ['text/event-stream'], description: 'Events until the end.' };
const image = { types: IMAGE_TYPES, description: 'The image itself.' };

const jobOperations: Operation[] = [
  {
    id: 'list_jobs',
    method: 'get',
    path: '/api/jobs/list',
    tag: TAGS.jobs,
    summary: 'Jobs, newest first. Filters combine.',
    query: jobListQuery,
    answers: { 200: { description: 'A page of jobs.', schema: jobListAnswer } },
    errors: [400, 500],
  },
  {
    id: 'job_stats',
    method: 'get',
    path: '/api/jobs/stats',
    tag: TAGS.jobs,
    summary: 'How many jobs there are, by state, type and instance.',
    answers: { 200: { description: 'Counts.', schema: jobStatsAnswer } },
    errors: [500],
  },
  {
    id: 'processor_stats',
    method: 'get',
    path: '/api/jobs/processor/stats',
    tag: TAGS.jobs,
    summary: 'What the processor is doing, and its limits.',
    answers: { 200: { description: 'The processor.', schema: processorStatsAnswer } },
    errors: [500],
  },
  {
    id: 'clean_up_jobs',
    method: 'post',
    path: '/api/jobs/cleanup',
    tag: TAGS.jobs,
    summary: 'Removes finished jobs past their lifetime. They go by themselves, too.',
    answers: { 200: { description: 'How many.', schema: cleanupAnswer } },
    access: 'admin',
    errors: [500],
  },
  {
    id: 'job_status',
    method: 'get',
    path: '/api/jobs/{id}/status',
    tag: TAGS.jobs,
    summary: 'How far a job is.',
    pathParameters: jobId,
    answers: { 200: { description: 'Its status.', schema: jobStatusAnswer } },
    errors: [404, 500],
  },
  {
    id: 'job_result',
    method: 'get',
    path: '/api/jobs/{id}/result',
    tag: TAGS.jobs,
    summary: 'The result of a completed job.',
    pathParameters: jobId,
    answers: { 200: { description: 'The result.', schema: jobResultAnswer } },
    other: { ...image, description: 'The image itself, with Accept: image/*.' },
    errors: [404, 409, 410, 500],
  },
  {
    id: 'job_result_image',
    method: 'get',
    path: '/api/jobs/{id}/result/image',
    tag: TAGS.jobs,
    summary: 'The image of a completed job, with an ETag.',
    pathParameters: jobId,
    answers: {},
    other: image,
    errors: [404, 409, 410, 500],
  },
  {
    id: 'job_thumbnail',
    method: 'get',
    path: '/api/jobs/{id}/result/thumbnail',
    tag: TAGS.jobs,
    summary: 'A small WebP of the image of a completed job, at most 192 pixels wide and high.',
    pathParameters: jobId,
    answers: {},
    other: { types: ['image/webp'], description: 'The small image.' },
    errors: [404, 409, 410, 500],
  },
  {
    id: 'job_events',
    method: 'get',
    path: '/api/jobs/{id}/events',
    tag: TAGS.jobs,
    summary:
      'What happens to a job as server-sent events: status, progress, then completed, failed or cancelled, each with the whole status; 204 when Last-Event-ID was the end.',
    pathParameters: jobId,
    answers: {},
    other: eventStream,
    errors: [404, 500],
  },
  {
    id: 'cancel_job',
    method: 'post',
    path: '/api/jobs/{id}/cancel',
    tag: TAGS.jobs,
    summary: 'Takes a job out of the queue, or interrupts it on ComfyUI.',
    pathParameters: jobId,
    answers: { 200: { description: 'Its status, now cancelled.', schema: jobStatusAnswer } },
    errors: [404, 409, 500],
  },
  {
    id: 'job_info',
    method: 'get',
    path: '/api/jobs/{id}/info',
    tag: TAGS.jobs,
    summary: 'The record of a job.',
    pathParameters: jobId,
    answers: { 200: { description: 'The record.', schema: jobRecord } },
    errors: [404, 500],
  },
  {
    id: 'delete_job',
    method: 'delete',
    path: '/api/jobs/{id}',
    tag: TAGS.jobs,
    summary: 'Forgets a job and its result; a running one is cancelled first.',
    pathParameters: jobId,
    answers: { 200: { description: 'Deleted.', schema: deletedAnswer } },
    access: 'admin',
    errors: [404, 500],
  },
];

const systemOperations: Operation[] = [
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
    summary:
      'What happens in the whole system as server-sent events: job, job_removed, instance and breaker; begins with every instance and breaker.',
    answers: {},
    other: { ...eventStream, description: 'Events without end.' },
    access: 'admin',
    errors: [500],
  },
];

const statusOperations: Operation[] = [
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

const metricsOperations: Operation[] = [
  ...(
    [
      ['metrics', '/api/metrics', 'All figures at a glance.', metrics.metricsAnswer],
      ['performance', '/api/metrics/performance', 'Durations and throughput.', metrics.performanceAnswer],
      ['history', '/api/metrics/history', 'The last hour by the minute.', metrics.historyAnswer],
      ['errors', '/api/metrics/errors', 'What failed, where and why.', metrics.errorMetricsAnswer],
      ['instances', '/api/metrics/instances', 'Figures by instance.', metrics.instancesMetricsAnswer],
      ['persistence', '/api/metrics/persistence', 'The file that keeps them.', metrics.persistenceAnswer],
    ] as const
  ).map(
    ([id, path, summary, schema]): Operation => ({
      id,
      method: 'get',
      path,
      tag: TAGS.metrics,
      summary,
      answers: { 200: { description: 'Figures.', schema } },
      errors: [500],
    }),
  ),
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

const breakerOperations: Operation[] = [
  {
    id: 'circuit_breakers',
    method: 'get',
    path: '/api/circuit-breakers',
    tag: TAGS.breakers,
    summary: 'The circuit breakers.',
    answers: { 200: { description: 'By name.', schema: metrics.circuitBreakersAnswer } },
    errors: [500],
  },
  ...(['open', 'close'] as const).map(
    (action): Operation => ({
      id: `${action}_breaker`,
      method: 'post',
      path: `/api/circuit-breakers/{name}/${action}`,
      tag: TAGS.breakers,
      summary:
        action === 'open'
          ? 'Gives an instance no more jobs until the breaker is closed; running ones end normally.'
          : 'Lets an instance have jobs again.',
      pathParameters: breakerName,
      answers: { 200: { description: 'Changed.', schema: metrics.circuitBreakerChangedAnswer } },
      access: 'admin',
      errors: [404, 500],
    }),
  ),
];

/** Every operation that does not come from a workflow, but for the documents themselves. */
export const fixedOperations: readonly Operation[] = [
  ...jobOperations,
  ...systemOperations,
  ...statusOperations,
  ...metricsOperations,
  ...breakerOperations,
];
