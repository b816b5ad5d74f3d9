import type { MachinePreview } from '../comfyui/machineMessages.js';
import type { PromptDetail } from '../comfyui/promptTracker.js';

/** The details of a running job besides its record. */
export interface LiveJob {
  readonly progress: PromptDetail | undefined;
  /** The latest preview. */
  readonly preview: MachinePreview | undefined;
}

const NOTHING: LiveJob = { progress: undefined, preview: undefined };

/**
 * The details of jobs that run on this server: steps and previews. They are in memory while an attempt runs here: its end does
 * not depend on an event, which may be missed. Other servers know only the record.
 */
export class LiveJobs {
  readonly #jobs = new Map<string, LiveJob>();

  /** An attempt of the job begins on this server. */
  begin(jobId: string): void {
    this.#jobs.set(jobId, NOTHING);
  }

  /** The job does not run here any more. */
  end(jobId: string): void {
    this.#jobs.delete(jobId);
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
