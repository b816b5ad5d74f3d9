import type { Tracing } from '../tracing/Tracing.js';
import type { ProcessingJob } from './Job.js';

/**
 * Traces one attempt of a job as a part of the job's trace, and with the first attempt the time the job waited.
 * @param run makes the attempt
 */
export function traceAttempt<T>(tracing: Tracing, job: ProcessingJob, run: () => Promise<T>): Promise<T> {
  if (!tracing.isEnabled) return run();
  const { id, request, attempts, assignment, createdTime } = job;
  const parent = request.traceparent;
  const attributes = { 'job.id': id, 'job.type': request.type };
  if (attempts === 1) {
    const wait = tracing.span('job.wait', { parent, attributes, time: createdTime });
    wait.end({ time: assignment.processingStartTime });
  }
  const ofAttempt = { ...attributes, 'job.attempt': attempts, 'comfyui.instance': assignment.instance };
  return tracing.trace('job.attempt', { parent, attributes: ofAttempt }, run);
}
