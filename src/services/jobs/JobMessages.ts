import { messageOf } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';
import type { MachineListener, MachineMessage, MachinePreview } from '../comfyui/machineMessages.js';

/** Limits for the unsent bytes of a listener: beyond the first it gets no more previews, beyond the second nothing. */
const MAX_WAITING_FOR_PREVIEWS = 1024 * 1024;
const MAX_WAITING = 16 * 1024 * 1024;

/** Receives the machine's messages about a job. */
export interface JobListener {
  /** @param mark in the names of the prompt's nodes and files (`ownOutputs`) */
  onMessage(message: MachineMessage, mark: string): void;
  onPreview(preview: MachinePreview, mark: string): void;
  /** Unsent bytes, such as those waiting on a socket; 0 for a listener that buffers nothing. */
  readonly waitingBytes: number;
  /** Called when the listener was too slow: it gets no more messages of the job. */
  onOverflow(): void;
}

/**
 * Passes the machines' messages about jobs that run on this server to their listeners, immediately and in order. If a job is
 * retried on another machine, the messages of that machine follow, starting with `execution_start` and another prompt id. A slow
 * listener loses previews first, then everything. Messages without a listener are not kept.
 */
export class JobMessages {
  readonly #listeners = new Map<string, Set<JobListener>>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Number of jobs with listeners. */
  get followed(): number {
    return this.#listeners.size;
  }

  /**
   * Passes all messages of a job to `listener` from now on, whether the job has started or not. @returns a function that ends
   * this
   */
  follow(jobId: string, listener: JobListener): () => void {
    const listeners = this.#listeners.get(jobId) ?? new Set();
    this.#listeners.set(jobId, listeners.add(listener));
    return () => this.#remove(jobId, listener);
  }

  /**
   * Returns the listener for the machine that runs a job.
   * @param mark of the prompt
   */
  of(jobId: string, mark: string): MachineListener {
    return {
      onMessage: (message) => this.#tell(jobId, message, mark),
      onPreview: (preview) => this.#show(jobId, preview, mark),
    };
  }

  #tell(jobId: string, message: MachineMessage, mark: string): void {
    for (const listener of this.#listeners.get(jobId) ?? []) {
      if (listener.waitingBytes <= MAX_WAITING) this.#try(jobId, () => listener.onMessage(message, mark));
      else {
        this.#remove(jobId, listener);
        this.#try(jobId, () => listener.onOverflow());
      }
    }
  }

  #show(jobId: string, preview: MachinePreview, mark: string): void {
    for (const listener of this.#listeners.get(jobId) ?? []) {
      if (listener.waitingBytes > MAX_WAITING_FOR_PREVIEWS) continue;
      this.#try(jobId, () => listener.onPreview(preview, mark));
    }
  }

  #remove(jobId: string, listener: JobListener): void {
    const listeners = this.#listeners.get(jobId);
    listeners?.delete(listener);
    if (listeners?.size === 0) this.#listeners.delete(jobId);
  }

  /** A listener that throws must not affect other listeners, nor the following of the prompt. */
  #try(jobId: string, tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.#logger.error('A listener to what machines say failed', { jobId, error: messageOf(error) });
    }
  }
}
