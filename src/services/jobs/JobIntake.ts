import { v4 as uuid } from 'uuid';
import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import type { Content } from '../../utils/StoredFile.js';
import type { JobEvents } from '../queue/JobEvents.js';
import type { JobQueue } from '../queue/JobQueue.js';
import type { Job, JobRequest } from './Job.js';
import type { JobInputs } from './JobInputs.js';
import type { JobRecords } from './JobRecords.js';
import type { JobRemovals } from './JobRemovals.js';
import { logFields } from './jobLog.js';
import { queueEntry } from './queueEntry.js';
import { accept } from './transitions.js';

interface Parts {
  readonly records: JobRecords;
  readonly inputs: JobInputs;
  readonly queue: JobQueue;
  readonly events: JobEvents;
  readonly removals: JobRemovals;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Creates jobs and queues them. */
export class JobIntake {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Creates a job. Ask `Admission` first.
   * @param files bytes of the request's files, by the same names. The caller continues to hold stored ones
   * @param onMaking if servers share jobs, called with the id before there is a record, for repeated requests
   * @param onTold called when the listeners to events know the job
   * @throws the rejection of a store or the queue; nothing is left of the job then, unless a repeated request may
   * adopt it
   */
  async create(
    request: JobRequest,
    files: ReadonlyMap<string, Content>,
    onMaking?: (id: string) => Promise<void>,
    onTold?: () => void,
  ): Promise<Job> {
    const { records, inputs, queue, events, removals, clock, logger } = this.#parts;
    const id = uuid();
    const job = accept(id, await inputs.put(id, request, files), clock.now());
    let mayBeLeft = false;
    try {
      if (records.isShared && onMaking) {
        await onMaking(id);
        mayBeLeft = true;
      }
      await records.insert(job, mayBeLeft);
    } catch (error) {
      if (!mayBeLeft) inputs.delete(job);
      throw error;
    }
    // Before any server can start it.
    events.publish('changed', job);
    onTold?.();
    const entry = queueEntry(job);
    try {
      const queued = await queue.add(entry);
      logger.info('Job accepted', { ...logFields(job), imageSize: entry.bytes, queued });
    } catch (error) {
      if (mayBeLeft) throw error;
      inputs.delete(job);
      await removals.forget(job.id, 'deleted');
      throw error;
    }
    return job;
  }

  /**
   * The job of a repeated request, if it was created: its creator may have died before the job was queued.
   * @throws the rejection of a store or the queue
   */
  async adopt(id: string): Promise<Job | undefined> {
    const { records, queue } = this.#parts;
    const job = await records.get(id);
    if (job?.status === 'pending') await queue.add(queueEntry(job));
    return job;
  }
}
