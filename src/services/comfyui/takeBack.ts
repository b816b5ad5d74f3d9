import { unlessAborted } from '../../utils/deadline.js';
import { sleep } from '../../utils/timers.js';
import type { ComfyClient } from './ComfyClient.js';
import type { StopVerdict } from './PromptHold.js';

/**
 * What remains of a prompt that was taken back: a history entry after its node stops, nothing, or possibly an entry,
 * because it is neither pending nor running: it ended, or never arrived, or was lost. 'wanted' if it was left, because
 * another attempt continues it.
 */
export type Remains = 'entry' | 'nothing' | 'perhaps' | 'wanted';

/** A prompt that an instance may have. */
export interface Submitted {
  readonly client: ComfyClient;
  readonly promptId: string;
  /** Settles with the response to the submission; never rejects. */
  readonly submission: Promise<unknown>;
  /** Asked again before each repetition: another server may have taken the job over meanwhile. */
  verdict(): Promise<StopVerdict>;
}

/**
 * Takes a prompt back from an instance, and no other. Call it only if the prompt may be stopped.
 * @param retryMs between two attempts while the instance does not respond, ms
 * @throws the signal's reason if it is aborted before the instance responded
 */
export async function takeBack(prompt: Submitted, retryMs: number, signal: AbortSignal): Promise<Remains> {
  // Only after the response to the submission is it clear whether there is something to take back.
  await unlessAborted(prompt.submission, signal);
  let wasDeleted = false;
  let verdict: StopVerdict = 'may stop';
  for (;;) {
    try {
      if (verdict === 'is wanted') return 'wanted';
      const found = verdict === 'may stop' ? await stopOnce(prompt, signal) : 'unknown';
      if (found === 'absent') return wasDeleted ? 'nothing' : 'perhaps';
      if (found === 'interrupted') return 'entry';
      // It may have started between the check and the deletion, so check again.
      if (found === 'deleted') {
        wasDeleted = true;
        continue;
      }
    } catch {
      signal.throwIfAborted();
    }
    await sleep(retryMs, signal);
    signal.throwIfAborted();
    verdict = await unlessAborted(prompt.verdict(), signal);
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
