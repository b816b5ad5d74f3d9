/** Ends of a prompt that ComfyUI does not report: no message, no history entry. */
import { PromptError } from '../../errors.js';
import type { ComfyClient } from './ComfyClient.js';
import type { PromptOutcome } from './promptTracker.js';
import { severalMachines } from './severalMachines.js';

/**
 * Removes a prompt from the queue of an instance, unless it has started. Never interrupts it.
 * @param waitedMs how long it has waited there
 * @returns its end if it certainly did not run and will not; otherwise whether it is running. If not, it has ended or was lost
 * @throws PromptError if the instance does not respond, or the signal's reason
 */
export async function withdraw(
  client: ComfyClient,
  promptId: string,
  waitedMs: number,
  signal: AbortSignal,
): Promise<PromptOutcome | { readonly isRunning: boolean }> {
  let wasDeleted = false;
  for (;;) {
    const { running, pending } = await client.prompts.queue(signal);
    if (running.includes(promptId)) return { isRunning: true };
    if (!pending.includes(promptId)) break;
    await client.deletePending(promptId, signal);
    wasDeleted = true;
  }
  // It may have started, and even ended, right before the deletion.
  if (!wasDeleted || (await client.prompts.historyEntry(promptId, signal))) return { isRunning: false };
  const message = `The prompt waited ${waitedMs / 1000} seconds in ComfyUI's queue.`;
  return { kind: 'withdrawn', error: new PromptError('queued too long', message) };
}

/** The end of a prompt that a restarted machine lost. One of several machines behind the same address still has it. */
export async function lost(
  client: ComfyClient,
  promptId: string,
  signal: AbortSignal,
): Promise<PromptOutcome> {
  const { host } = client.address;
  const isElsewhere = await severalMachines(client, (other) => other.prompts.knows(promptId, signal));
  const error = isElsewhere
    ? new PromptError(
        'several machines',
        `${host} is several machines: one has the prompt, another denies it.`,
      )
    : new PromptError('prompt lost', `${host} lost the prompt, for example by a restart.`);
  return { kind: 'lost', error };
}
