import type { z } from 'zod';
import { errorAnswer, errorCode, jobStatus, outputFormat } from './common.js';
import * as jobs from './jobs.js';
import * as metrics from './metrics.js';
import { result } from './outputs.js';
import { healthAnswer, livezAnswer, readyzAnswer, statusAnswer } from './status.js';
import { workflowAnswer, workflowDeletedAnswer, workflowsAnswer } from './workflows.js';

const [pending, processing, completed, failed, cancelled] = jobs.jobStatusAnswer.options;

/** Names of the schemas in the OpenAPI document, for generated types. */
export const schemaNames: Readonly<Record<string, z.ZodType>> = {
  Error: errorAnswer,
  ErrorCode: errorCode,
  OutputFormat: outputFormat,
  AcceptedJob: jobs.asyncAnswer,
  ProcessedJob: jobs.syncAnswer,
  Result: result,
  JobState: jobStatus,
  JobStatus: jobs.jobStatusAnswer,
  PendingJob: pending,
  ProcessingJob: processing,
  CompletedJob: completed,
  FailedJob: failed,
  CancelledJob: cancelled,
  JobResult: jobs.jobResultAnswer,
  JobRecord: jobs.jobRecord,
  JobList: jobs.jobListAnswer,
  JobCounts: jobs.jobStatsAnswer,
  DeletedJob: jobs.deletedAnswer,
  CleanedUpJobs: jobs.cleanupAnswer,
  Processor: jobs.processorStatsAnswer,
  Workflows: workflowsAnswer,
  Workflow: workflowAnswer,
  DeletedWorkflow: workflowDeletedAnswer,
  Health: healthAnswer,
  Status: statusAnswer,
  Alive: livezAnswer,
  Ready: readyzAnswer,
  BriefMetrics: metrics.statusMetricsAnswer,
  Metrics: metrics.metricsAnswer,
  Performance: metrics.performanceAnswer,
  MetricsHistory: metrics.historyAnswer,
  ErrorMetrics: metrics.errorMetricsAnswer,
  RecentError: metrics.recentError,
  FleetMetrics: metrics.instancesMetricsAnswer,
  InstanceMetrics: metrics.instanceMetricsAnswer,
  InstanceFigures: metrics.instanceFigures,
  MetricsFile: metrics.persistenceAnswer,
  SavedMetrics: metrics.metricsSavedAnswer,
  CircuitBreaker: metrics.circuitBreaker,
  CircuitBreakers: metrics.circuitBreakersAnswer,
  ChangedCircuitBreaker: metrics.circuitBreakerChangedAnswer,
};
