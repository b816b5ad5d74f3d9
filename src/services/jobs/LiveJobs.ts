import type { MachinePreview } from '../comfyui/machineMessages.js';
import type { PromptDetail } from '../comfyui/promptTracker.js';
import type { JobEvents } from '../queue/JobEvents.js';

/** The details of a running job besides its record. */
export interface LiveJob {
  readonly progress: PromptDetail | undefined;
  /** The latest preview. */
  readonly preview: MachinePreview | undefined;
}

const NOTHING: LiveJob = { progress: undefined, preview: undefined };

/**
 * The details of jobs that run on this server: steps and previews. They are in memory until the job ends, and start again with
 * each attempt. Other servers know only the record.
 */
export class LiveJobs {
  readonly #jobs = new Map<string, LiveJob>();

  constructor(events: JobEvents) {
    events.subscribe('finished', ({ id }) => this.#jobs.delete(id));
  }

  /** A job is assigned to a machine: discards the details of the previous attempt. */
  begin(jobId: string): void {
    this.#jobs.set(jobId, NOTHING);
  }

  /** Records a change. Does nothing for a job that does not run here. */
  note(jobId: string, change: Partial<LiveJob>): void {
    const job = this.#jobs.get(jobId);
    if (job) this.#jobs.set(jobId, { ...job, ...change });
  }

  /** Undefined if the job does not run here. */
  get(jobId: string): LiveJob | undefined {
    return this.#jobs.get(jobId);
  }
}
