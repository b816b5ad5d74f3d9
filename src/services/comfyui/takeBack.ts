import { unlessAborted } from '../../utils/deadline.js';
import { sleep } from '../../utils/timers.js';
import type { ComfyClient } from './ComfyClient.js';

/**
 * What is left of a prompt that was taken back: a history entry that will come once its node stops, nothing, or perhaps
 * an entry, since it is neither pending nor running: it ended, or never arrived, or was lost.
 */
export type Remains = 'entry' | 'nothing' | 'perhaps';

interface Submitted {
  readonly client: ComfyClient;
  readonly promptId: string;
  /** Settles when ComfyUI answered the submission; never rejects. */
  readonly submission: Promise<unknown>;
}

/**
 * Takes a prompt back from an instance, and nobody else's.
 * @param retryMs between two attempts while the instance does not answer, ms
 * @throws the signal's reason when it is aborted before the instance answered
 */
export async function takeBack(prompt: Submitted, retryMs: number, signal: AbortSignal): Promise<Remains> {
  // Only when the submission was answered is it clear whether there is anything to take back.
  await unlessAborted(prompt.submission, signal);
  let wasDeleted = false;
  for (;;) {
    try {
      const found = await stopOnce(prompt, signal);
      if (found === 'absent') return wasDeleted ? 'nothing' : 'perhaps';
      if (found === 'interrupted') return 'entry';
      // It may have started between the look and the deletion, so look again.
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
  // A pending prompt that was deleted leaves no trace.
  if (!pending.includes(promptId)) return 'absent';
  await client.deletePending(promptId, signal);
  return 'deleted';
}
