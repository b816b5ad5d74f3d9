import { unlessAborted } from '../../utils/deadline.js';
import { sleep } from '../../utils/timers.js';
import type { ComfyClient } from './ComfyClient.js';

/**
 * What remains of a prompt that was taken back: a history entry after its node stops, nothing, or possibly an entry,
 * because it is neither pending nor running: it ended, or never arrived, or was lost.
 */
export type Remains = 'entry' | 'nothing' | 'perhaps';

interface Submitted {
  readonly client: ComfyClient;
  readonly promptId: string;
  /** Settles with the response to the submission; never rejects. */
  readonly submission: Promise<unknown>;
}

/**
 * Takes a prompt back from an instance, and no other.
 * @param retryMs between two attempts while the instance does not respond, ms
 * @throws the signal's reason if it is aborted before the instance responded
 */
export async function takeBack(prompt: Submitted, retryMs: number, signal: AbortSignal): Promise<Remains> {
  // Only after the response to the submission is it clear whether there is something to take back.
  await unlessAborted(prompt.submission, signal);
  let wasDeleted = false;
  for (;;) {
    try {
      const found = await stopOnce(prompt, signal);
      if (found === 'absent') return wasDeleted ? 'nothing' : 'perhaps';
      if (found === 'interrupted') return 'entry';
      // It may have started between the check and the deletion, so check again.
      wasDeleted = true;
    } catch {
      signal.throwIfAborted();
      await sleep(retryMs, signal);
      signal.throwIfAborted();
    }
  }
}

async function stopOnce(
  { client, promptId }: Submitted,
  signal: AbortSignal,
): Promise<'absent' | 'interrupted' | 'deleted'> {
  const { running, pending } = await client.prompts.queue(signal);
  if (running.includes(promptId)) {
    await client.interrupt(promptId, signal);
    return 'interrupted';
  }
  // A deleted pending prompt leaves no trace.
  if (!pending.includes(promptId)) return 'absent';
  await client.deletePending(promptId, signal);
  return 'deleted';
}
