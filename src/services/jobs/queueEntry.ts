import { isOfServer } from '../../promptFailures.js';
import { jobNeedsOf } from '../../workflows/graphNeeds.js';
import type { QueueEntry } from '../queue/JobQueue.js';
import { hasBegun, type PendingJob, sizesOfFiles } from './Job.js';

/** The queue entry of a pending job. */
export function queueEntry(job: PendingJob): QueueEntry {
  const { id, request, failedTries, createdTime } = job;
  const { total, largest } = sizesOfFiles(request);
  const onMachines = failedTries.filter(({ failure }) => !isOfServer(failure));
  const tried = new Set(onMachines.map(({ instance }) => instance));
  const { type, client, priority } = request;
  const needs = jobNeedsOf(request);
  // A job that began in time has met its deadline.
  const deadline = hasBegun(job) ? undefined : request.deadline;
  const whose = { client, priority, deadline, since: createdTime };
  return { id, type, bytes: total, largest, tried, ...whose, ...(needs && { needs }) };
}
