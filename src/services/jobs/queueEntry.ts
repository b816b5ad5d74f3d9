import type { QueueEntry } from '../queue/JobQueue.js';
import { type PendingJob, sizesOfFiles } from './Job.js';

/** A pending job as it waits in the queue. */
export function queueEntry({ id, request, failedTries }: PendingJob): QueueEntry {
  const { total, largest } = sizesOfFiles(request);
  const tried = new Set(failedTries.map(({ instance }) => instance));
  return { id, type: request.type, bytes: total, largest, tried };
}
