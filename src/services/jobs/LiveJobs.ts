import { Listeners } from '../../utils/Listeners.js';
import type { Content } from '../../utils/StoredFile.js';
import type { MachinePreview } from '../comfyui/machineMessages.js';
import type { PromptDetail } from '../comfyui/promptTracker.js';
import type { JobEvents } from '../queue/JobEvents.js';
import type { JobOutput } from './Job.js';

/** Something that a job made before its end. */
export interface LiveOutput {
  readonly output: JobOutput;
  readonly content: Content;
}

/** What is known of a job while it runs here, beside its record. */
export interface LiveJob {
  readonly progress: PromptDetail | undefined;
  /** In the order in which they were made. */
  readonly outputs: readonly LiveOutput[];
  /** The last one. */
  readonly preview: MachinePreview | undefined;
}

const NOTHING: LiveJob = { progress: undefined, outputs: [], preview: undefined };

/**
 * The details of jobs that this server runs: steps, previews, and outputs that are there before the end. They are in memory
 * until the job ends, and begin anew with each attempt. Other servers know no more than the record.
 */
export class LiveJobs {
  readonly #jobs = new Map<string, LiveJob>();
  readonly #listeners = new Map<string, Listeners<[LiveJob]>>();
  readonly #onError: (error: unknown) => void;

  /** @param onError hears of listeners that throw */
  constructor(events: JobEvents, onError: (error: unknown) => void) {
    this.#onError = onError;
    events.subscribe('finished', ({ id }) => this.#jobs.delete(id));
  }

  /** A job is given to a machine. What is known of an attempt before it counts no more. */
  begin(jobId: string): void {
    this.#set(jobId, NOTHING);
  }

  /** Nothing of the attempt counts any more. */
  end(jobId: string): void {
    this.#jobs.delete(jobId);
  }

  /** Takes what changed. Does nothing for a job that does not run here. */
  note(jobId: string, change: Partial<LiveJob>): void {
    const job = this.#jobs.get(jobId);
    if (job) this.#set(jobId, { ...job, ...change });
  }

  addOutput(jobId: string, output: LiveOutput): void {
    const job = this.#jobs.get(jobId);
    if (job) this.#set(jobId, { ...job, outputs: [...job.outputs, output] });
  }

  /** undefined where the job does not run here. */
  get(jobId: string): LiveJob | undefined {
    return this.#jobs.get(jobId);
  }

  /** Calls `listener` with every change from now on. @returns what ends it */
  follow(jobId: string, listener: (job: LiveJob) => void): () => void {
    const listeners = this.#listeners.get(jobId) ?? new Listeners<[LiveJob]>(this.#onError);
    this.#listeners.set(jobId, listeners);
    const remove = listeners.add(listener);
    return () => {
      remove();
      if (listeners.size === 0) this.#listeners.delete(jobId);
    };
  }

  #set(jobId: string, job: LiveJob): void {
    this.#jobs.set(jobId, job);
    this.#listeners.get(jobId)?.tell(job);
  }
}
