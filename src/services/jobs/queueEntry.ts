import { graphNeedsOf } from '../../workflows/graphNeeds.js';
import type { QueueEntry } from '../queue/JobQueue.js';
import { type PendingJob, sizesOfFiles } from './Job.js';

/** The queue entry of a pending job. */
export function queueEntry({ id, request, failedTries, createdTime }: PendingJob): QueueEntry {
  const { total, largest } = sizesOfFiles(request);
  // The end of a server says nothing about the machine, which may even have the result.
  const onMachines = failedTries.filter(({ failure }) => failure !== 'server gone');
  const tried = new Set(onMachines.map(({ instance }) => instance));
  const { type, client, priority, deadline } = request;
  const needs = graphNeedsOf(request.workflow);
  const whose = { client, priority, deadline, since: createdTime };
  return { id, type, bytes: total, largest, tried, ...whose, ...(needs && { needs }) };
}
