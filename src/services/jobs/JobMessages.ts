import { messageOf } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';
import type { MachineListener, MachineMessage, MachinePreview } from '../comfyui/machineMessages.js';

/** Bytes that a listener may have before itself: beyond the first it hears of no more previews, beyond the second of nothing. */
const MAX_WAITING_FOR_PREVIEWS = 1024 * 1024;
const MAX_WAITING = 16 * 1024 * 1024;

/** Whoever hears what machines say of a job. */
export interface JobListener {
  /** @param mark that nodes and files of the prompt have in their names (`ownOutputs`) */
  onMessage(message: MachineMessage, mark: string): void;
  onPreview(preview: MachinePreview, mark: string): void;
  /** Bytes that it was told and has not got rid of, such as those that wait on a socket; 0 for one that keeps none. */
  readonly waitingBytes: number;
  /** It was too slow: it hears no more of the job. */
  onOverflow(): void;
}

/**
 * Hands on what machines say of jobs while this server runs them, to whoever follows the job, at once and in order. A job
 * that several machines try after each other goes on with the messages of the next one, which begin with `execution_start`
 * and another prompt id. A slow listener loses previews first, then everything. What nobody follows is not kept.
 */
export class JobMessages {
  readonly #listeners = new Map<string, Set<JobListener>>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Jobs that somebody follows. */
  get followed(): number {
    return this.#listeners.size;
  }

  /** Tells `listener` everything about a job from now on, whether it was begun or not. @returns what ends it */
  follow(jobId: string, listener: JobListener): () => void {
    const listeners = this.#listeners.get(jobId) ?? new Set();
    this.#listeners.set(jobId, listeners.add(listener));
    return () => this.#remove(jobId, listener);
  }

  /**
   * For whoever runs a job: takes what its machine says.
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

  /** A listener that throws keeps no other from hearing, nor the prompt from being followed. */
  #try(jobId: string, tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.#logger.error('A listener to what machines say failed', { jobId, error: messageOf(error) });
    }
  }
}
