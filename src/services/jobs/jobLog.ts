import type { Logger } from '../../utils/logger.js';
import { traceIdOf } from '../tracing/traceId.js';
import {
  assignmentOf,
  attemptsOf,
  type FinishedJob,
  type Job,
  outputsSize,
  processingDuration,
  sizesOfFiles,
} from './Job.js';

/** The common fields of log lines about a job. */
export function logFields(job: Job): Record<string, string | undefined> {
  return {
    requestId: job.request.requestId,
    traceId: traceIdOf(job.request.traceparent),
    jobId: job.id,
    jobType: job.request.type,
    instance: assignmentOf(job)?.instance,
  };
}

/** Logs a job's end with a summary of the job in one line. Durations are in ms, sizes in bytes. */
export function logJobEnd(logger: Logger, job: FinishedJob): void {
  const started = assignmentOf(job)?.processingStartTime;
  const fields = {
    ...logFields(job),
    key: job.request.owner,
    attempts: attemptsOf(job),
    // Including failed attempts.
    queueDuration: started === undefined ? undefined : started - job.createdTime,
    processingDuration: processingDuration(job),
    totalDuration: job.finishedTime - job.createdTime,
    inputSize: sizesOfFiles(job.request).total,
  };
  if (job.status === 'completed') {
    const outputs = job.result.outputs.length;
    logger.info('Job completed', { ...fields, resultSize: outputsSize(job), outputs });
  } else if (job.status === 'cancelled') {
    logger.info('Job cancelled', fields);
  } else {
    const { code, category, message } = job.failure;
    logger.error('Job failed', { ...fields, code, category, error: message });
  }
}
