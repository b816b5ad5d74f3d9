import { messageOf } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';
import type {
  MachineFrame,
  MachineListener,
  MachineMessage,
  MachinePreview,
} from '../comfyui/machineMessages.js';
import type { MessageRelay } from '../queue/MessageRelay.js';
import { readRelayed, relayTo } from './relayedMessages.js';

/** Limits for the unsent bytes of a listener: beyond the first it gets no more previews, beyond the second nothing. */
const MAX_WAITING_FOR_PREVIEWS = 1024 * 1024;
const MAX_WAITING = 16 * 1024 * 1024;

/** Receives the machine's messages about a job. */
export interface JobListener {
  /** @param mark in the names of the prompt's nodes and files (`ownOutputs`) */
  onMessage(message: MachineMessage, mark: string): void;
  onPreview(preview: MachinePreview, mark: string): void;
  onFrame(frame: MachineFrame, mark: string): void;
  /** Unsent bytes, such as those waiting on a socket; 0 for a listener that buffers nothing. */
  readonly waitingBytes: number;
  /** Called when the listener was too slow: it gets no more messages of the job. */
  onOverflow(): void;
}

/**
 * Passes the machines' messages about jobs to their listeners, immediately and in order. The listeners to a job are on the server
 * that accepted it (`JobRequest.follower`); if another one runs it, that one sends them the messages (`MessageRelay`). If a job is
 * retried on another machine, the messages of that machine follow, starting with `execution_start` and another prompt id. A slow
 * listener loses previews first, then everything. Messages without a listener are not kept.
 */
export class JobMessages {
  readonly #listeners = new Map<string, Set<JobListener>>();
  readonly #logger: Logger;
  readonly #relay: MessageRelay | undefined;

  /** @param relay to other servers, if there are any */
  constructor(logger: Logger, relay?: MessageRelay) {
    this.#logger = logger;
    this.#relay = relay;
    relay?.subscribe((bytes) => this.#hear(bytes));
  }

  /** Id of this server for other servers; undefined if there are none. */
  get server(): string | undefined {
    return this.#relay?.server;
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
   * @param follower id of the server with the job's listeners; this one by default
   */
  of(jobId: string, mark: string, follower: string | undefined = this.server): MachineListener {
    if (follower !== undefined && follower !== this.server && this.#relay) {
      const onLost = () => this.#logger.debug("A machine's message did not reach another server", { jobId });
      return relayTo(this.#relay, { server: follower, jobId, mark, onLost });
    }
    return {
      onMessage: (message) => this.#tell(jobId, (listener) => listener.onMessage(message, mark)),
      onPreview: (preview) => this.#show(jobId, preview, mark),
      onFrame: (frame) => this.#tell(jobId, (listener) => listener.onFrame(frame, mark)),
    };
  }

  /** Passes a message on that another server sent. */
  #hear(bytes: Buffer): void {
    const relayed = readRelayed(bytes);
    if (!relayed) return;
    const { jobId, mark, said } = relayed;
    if (said.kind === 'message') this.#tell(jobId, (listener) => listener.onMessage(said.message, mark));
    else if (said.kind === 'frame') this.#tell(jobId, (listener) => listener.onFrame(said.frame, mark));
    else this.#show(jobId, said.preview, mark);
  }

  #tell(jobId: string, tell: (listener: JobListener) => void): void {
    for (const listener of this.#listeners.get(jobId) ?? []) {
      if (listener.waitingBytes <= MAX_WAITING) this.#try(jobId, () => tell(listener));
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
