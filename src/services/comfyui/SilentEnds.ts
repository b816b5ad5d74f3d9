import { PromptError } from '../../errors.js';
import type { ComfyClient } from './ComfyClient.js';
import type { PromptOutcome } from './promptTracker.js';
import { severalMachines } from './severalMachines.js';

/** Finds the ends of one prompt that ComfyUI does not report: no message, no history entry. */
export class SilentEnds {
  readonly #client: ComfyClient;
  readonly #queueMs: number;
  /** Whether a deletion was sent. It may have been executed even if its response was lost. */
  #wasDeleted = false;

  /** @param queueMs how long the prompt may wait in the instance's queue */
  constructor(client: ComfyClient, queueMs: number) {
    this.#client = client;
    this.#queueMs = queueMs;
  }

  /**
   * Removes the prompt from the queue of its instance, unless it has started. Never interrupts it. Call it again if a request
   * failed.
   * @returns its end if it certainly did not run and will not; otherwise whether it is running. If not, it has ended or was lost
   * @throws PromptError if the instance does not respond, or the signal's reason
   */
  async withdraw(
    promptId: string,
    signal: AbortSignal,
  ): Promise<PromptOutcome | { readonly isRunning: boolean }> {
    for (;;) {
      const { running, pending } = await this.#client.prompts.queue(signal);
      if (running.includes(promptId)) return { isRunning: true };
      if (!pending.includes(promptId)) break;
      this.#wasDeleted = true;
      await this.#client.deletePending(promptId, signal);
    }
    // It may have started, and even ended, right before the deletion.
    const isGone = this.#wasDeleted && !(await this.#client.prompts.historyEntry(promptId, signal));
    return isGone ? this.#withdrawn() : { isRunning: false };
  }

  /**
   * The end of a prompt that the instance does not have: it was deleted, or a restart lost it. One of several machines behind the
   * same address still has it.
   * @param hasStarted whether it was executed: then a deletion came too late
   * @throws like `withdraw`
   */
  async missing(promptId: string, hasStarted: boolean, signal: AbortSignal): Promise<PromptOutcome> {
    const { host } = this.#client.address;
    const isElsewhere = await severalMachines(this.#client, (other) => other.prompts.knows(promptId, signal));
    if (isElsewhere) {
      const message = `${host} is several machines: one has the prompt, another denies it.`;
      return { kind: 'lost', error: new PromptError('several machines', message) };
    }
    if (this.#wasDeleted && !hasStarted) return this.#withdrawn();
    const message = `${host} lost the prompt, for example by a restart.`;
    return { kind: 'lost', error: new PromptError('prompt lost', message) };
  }

  #withdrawn(): PromptOutcome {
    const message = `The prompt waited ${this.#queueMs / 1000} seconds in ComfyUI's queue.`;
    return { kind: 'withdrawn', error: new PromptError('queued too long', message) };
  }
}
