import type { z } from 'zod';
import * as comfy from './comfy.js';
import { errorAnswer, errorCode, jobStatus, outputFormat } from './common.js';
import * as instances from './instances.js';
import * as jobs from './jobs.js';
import * as metrics from './metrics.js';
import { fileResult, imageResult, output, result, textResult } from './outputs.js';
import { sessionAnswer } from './session.js';
import { healthAnswer, instanceHealth, livezAnswer, readyzAnswer, statusAnswer } from './status.js';
import { workflow, workflowAnswer, workflowDeletedAnswer, workflowsAnswer } from './workflows.js';

const [pending, processing, completed, failed, cancelled] = jobs.jobStatusAnswer.options;

/** Names of the schemas in the OpenAPI document, for generated types. */
export const schemaNames: Readonly<Record<string, z.ZodType>> = {
  Error: errorAnswer,
  ErrorCode: errorCode,
  ErrorCategory: metrics.errorCategory,
  OutputFormat: outputFormat,
  AcceptedJob: jobs.asyncAnswer,
  ProcessedJob: jobs.syncAnswer,
  Result: result,
  ImageResult: imageResult,
  TextResult: textResult,
  FileResult: fileResult,
  Output: output,
  JobState: jobStatus,
  JobStatus: jobs.jobStatusAnswer,
  PendingJob: pending,
  ProcessingJob: processing,
  CompletedJob: completed,
  FailedJob: failed,
  CancelledJob: cancelled,
  JobResult: jobs.jobResultAnswer,
  JobRecord: jobs.jobRecord,
  JobInfo: jobs.jobInfo,
  JobList: jobs.jobListAnswer,
  JobCounts: jobs.jobStatsAnswer,
  DeletedJob: jobs.deletedAnswer,
  CleanedUpJobs: jobs.cleanupAnswer,
  Processor: jobs.processorStatsAnswer,
  Workflows: workflowsAnswer,
  WorkflowSummary: workflow,
  Workflow: workflowAnswer,
  DeletedWorkflow: workflowDeletedAnswer,
  Session: sessionAnswer,
  Health: healthAnswer,
  InstanceHealth: instanceHealth,
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
  Instance: instances.instance,
  Instances: instances.instancesAnswer,
  InstanceEntry: instances.machineEntry,
  InstancePatch: instances.machinePatch,
  ChangedInstances: instances.instanceAnswer,
  ChangedCircuitBreaker: metrics.circuitBreakerChangedAnswer,
  ComfyJob: comfy.comfyJob,
  ComfyJobs: comfy.comfyJobList,
  ComfyJobSubmission: comfy.comfyJobBody,
  ComfyWorkflow: comfy.comfyWorkflow,
  ComfyAsset: comfy.comfyAsset,
  ComfyOutput: comfy.comfyOutput,
  ComfyProgress: comfy.comfyProgress,
  ComfyHealth: comfy.comfyHealth,
  ComfyError: comfy.comfyError,
};
