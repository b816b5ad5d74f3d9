import type { Logger } from '../../utils/logger.js';
import { assignmentOf, type FinishedJob, type Job, outputsSize, processingDuration } from './Job.js';

/** The common fields of log lines about a job. */
export function logFields(job: Job): Record<string, string | undefined> {
  return {
    requestId: job.request.requestId,
    jobId: job.id,
    jobType: job.request.type,
    instance: assignmentOf(job)?.instance,
  };
}

/** One line for a job's end. */
export function logJobEnd(logger: Logger, job: FinishedJob): void {
  const duration = processingDuration(job);
  const fields = {
    ...logFields(job),
    attempts: job.attempts,
    processingDuration: duration === undefined ? undefined : Math.round(duration),
  };
  if (job.status === 'completed') {
    logger.info('Job completed', { ...fields, resultSize: outputsSize(job) });
  } else if (job.status === 'cancelled') {
    logger.info('Job cancelled', fields);
  } else {
    const { code, category, message } = job.failure;
    logger.error('Job failed', { ...fields, code, category, error: message });
  }
}
