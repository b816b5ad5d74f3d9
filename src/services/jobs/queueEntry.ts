import { graphNeedsOf } from '../../workflows/graphNeeds.js';
import type { QueueEntry } from '../queue/JobQueue.js';
import { type PendingJob, sizesOfFiles } from './Job.js';

/** A pending job as it waits in the queue. */
export function queueEntry({ id, request, failedTries, createdTime }: PendingJob): QueueEntry {
  const { total, largest } = sizesOfFiles(request);
  // A server that is gone says nothing about the machine, which may even have the result.
  const onMachines = failedTries.filter(({ failure }) => failure !== 'server gone');
  const tried = new Set(onMachines.map(({ instance }) => instance));
  const { type, client, priority, deadline } = request;
  const needs = graphNeedsOf(request.workflow);
  const entry = { id, type, bytes: total, largest, tried, client, priority, deadline, since: createdTime };
  return needs ? { ...entry, needs } : entry;
}
