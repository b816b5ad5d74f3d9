import { Listeners } from '../../utils/Listeners.js';
import type { Content } from '../../utils/StoredFile.js';
import type { MachinePreview } from '../comfyui/machineMessages.js';
import type { PromptDetail } from '../comfyui/promptTracker.js';
import type { JobEvents } from '../queue/JobEvents.js';
import type { JobOutput } from './Job.js';

/** An output that a job made before its end. */
export interface LiveOutput {
  readonly output: JobOutput;
  readonly content: Content;
}

/** The details of a running job besides its record. */
export interface LiveJob {
  readonly progress: PromptDetail | undefined;
  /** In the order in which they were made. */
  readonly outputs: readonly LiveOutput[];
  /** The latest preview. */
  readonly preview: MachinePreview | undefined;
}

const NOTHING: LiveJob = { progress: undefined, outputs: [], preview: undefined };

/**
 * The details of jobs that run on this server: steps, previews, and outputs available before the end. They are in memory until
 * the job ends, and start again with each attempt. Other servers know only the record.
 */
export class LiveJobs {
  readonly #jobs = new Map<string, LiveJob>();
  readonly #listeners = new Map<string, Listeners<[LiveJob]>>();
  readonly #onError: (error: unknown) => void;

  /** @param onError called with the errors of listeners */
  constructor(events: JobEvents, onError: (error: unknown) => void) {
    this.#onError = onError;
    events.subscribe('finished', ({ id }) => this.#jobs.delete(id));
  }

  /** A job is assigned to a machine: discards the details of the previous attempt. */
  begin(jobId: string): void {
    this.#set(jobId, NOTHING);
  }

  /** Discards the details of the attempt. */
  end(jobId: string): void {
    this.#jobs.delete(jobId);
  }

  /** Records a change. Does nothing for a job that does not run here. */
  note(jobId: string, change: Partial<LiveJob>): void {
    const job = this.#jobs.get(jobId);
    if (job) this.#set(jobId, { ...job, ...change });
  }

  addOutput(jobId: string, output: LiveOutput): void {
    const job = this.#jobs.get(jobId);
    if (job) this.#set(jobId, { ...job, outputs: [...job.outputs, output] });
  }

  /** Undefined if the job does not run here. */
  get(jobId: string): LiveJob | undefined {
    return this.#jobs.get(jobId);
  }

  /** Calls `listener` with every change from now on. @returns a function that ends this */
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
