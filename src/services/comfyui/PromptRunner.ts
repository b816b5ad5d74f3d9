import { messageOf } from '../../errors.js';
import { unlessAborted, withDeadline } from '../../utils/deadline.js';
import type { Logger } from '../../utils/logger.js';
import { sleep } from '../../utils/timers.js';
import type { ComfyClient } from './ComfyClient.js';
import type { ConnectionManager } from './ConnectionManager.js';
import { HistoryCleaner } from './HistoryCleaner.js';
import { PromptAttempt, type PromptResult, type PromptRun, type RunListener } from './PromptAttempt.js';
import type { FollowTimings } from './PromptFollower.js';

export interface PromptRunnerOptions {
  readonly timings: FollowTimings;
  /** Leave the prompt, with its image, in ComfyUI's history. */
  readonly keepHistory: boolean;
  /** How long stopping a prompt may hold up the caller, ms. */
  readonly stopTimeoutMs: number;
  /** How long the history entry of a stopped prompt is waited for, ms: nodes only stop at their next check. */
  readonly stopPatienceMs: number;
}

/** One prompt's way on one instance, from submission to image, and the tidying up behind it. */
export class PromptRunner {
  readonly #connections: ConnectionManager;
  readonly #options: PromptRunnerOptions;
  readonly #logger: Logger;
  readonly #history = new HistoryCleaner();
  readonly #background = new Set<Promise<void>>();
  readonly #stopped = new AbortController();

  constructor(connections: ConnectionManager, options: PromptRunnerOptions, logger: Logger) {
    this.#connections = connections;
    this.#options = options;
    this.#logger = logger;
  }

  /**
   * Runs a prompt. The socket is open and listened to before the prompt is submitted, since events are not kept
   * (protocol trap 1). When `signal` is aborted the prompt is taken back from ComfyUI before this rejects.
   * @throws PromptError with its category, or the signal's reason
   */
  async run(
    client: ComfyClient,
    run: PromptRun,
    listener: RunListener,
    signal: AbortSignal,
  ): Promise<PromptResult> {
    const lease = await this.#connections.acquire(client.address);
    const attempt = new PromptAttempt(client, run, listener, lease, this.#options.timings);
    try {
      signal.throwIfAborted();
      const result = await attempt.result(signal);
      this.#later(attempt, () => this.#forget(attempt));
      return result;
    } catch (error) {
      if (attempt.hasEnded) this.#later(attempt, () => this.#forget(attempt));
      else if (attempt.wasSubmitted) await this.#abandon(attempt);
      else attempt.release();
      throw error;
    }
  }

  /** Lets the tidying up that is under way go on for at most `maxMs`, then gives it up. */
  async stop(maxMs: number): Promise<void> {
    await withDeadline(maxMs, undefined, async (deadline) => {
      await Promise.race([Promise.all(this.#background), sleep(maxMs, deadline)]);
    });
    this.#stopped.abort();
    await Promise.all(this.#background);
  }

  #later(attempt: PromptAttempt, work: () => Promise<void>): void {
    const task = work()
      .catch((error: unknown) => {
        this.#logger.debug('Tidying up on ComfyUI failed', {
          instance: attempt.client.address.host,
          promptId: attempt.promptId,
          error: messageOf(error),
        });
      })
      .finally(() => {
        attempt.release();
        this.#background.delete(task);
      });
    this.#background.add(task);
  }

  /** Deletes the history entry: it holds the whole image, for up to 10,000 prompts (protocol trap 6). */
  async #forget(attempt: PromptAttempt): Promise<void> {
    if (this.#options.keepHistory) return;
    await attempt.follower.leftQueue(this.#options.stopTimeoutMs, this.#stopped.signal);
    await this.#history.delete(attempt.client, attempt.promptId, this.#stopped.signal);
  }

  /** Takes a prompt back: out of the queue when it is pending, interrupted when it runs. */
  async #abandon(attempt: PromptAttempt): Promise<void> {
    const { stopTimeoutMs, stopPatienceMs, timings } = this.#options;
    // Nobody listens to it any more.
    attempt.release();
    const stopped = withDeadline(stopTimeoutMs, this.#stopped.signal, (signal) => takeBack(attempt, signal));
    this.#later(attempt, async () => {
      const left = await stopped;
      if (left === 'nothing' || this.#options.keepHistory) return;
      const patience = left === 'entry' ? stopPatienceMs : timings.historyPatienceMs;
      await withDeadline(patience, this.#stopped.signal, (signal) => this.#forgetOnceEnded(attempt, signal));
    });
    await stopped.catch(() => undefined);
  }

  async #forgetOnceEnded({ client, promptId }: PromptAttempt, signal: AbortSignal): Promise<void> {
    while (!(await client.historyEntry(promptId, signal))) {
      await sleep(this.#options.timings.lostPollMs, signal);
      signal.throwIfAborted();
    }
    await this.#history.delete(client, promptId, this.#stopped.signal);
  }
}

/**
 * @returns what is left of the prompt: an entry that will come once its node stops, nothing, or perhaps an entry,
 * since it is neither pending nor running: it ended, or never arrived, or was lost
 */
async function takeBack(
  attempt: PromptAttempt,
  signal: AbortSignal,
): Promise<'entry' | 'nothing' | 'perhaps'> {
  // Only when the submission was answered is it clear whether there is anything to take back.
  await unlessAborted(attempt.submission, signal);
  const { client, promptId } = attempt;
  let wasDeleted = false;
  for (;;) {
    const { running, pending } = await client.queue(signal);
    if (running.includes(promptId)) {
      await client.interrupt(promptId, signal);
      return 'entry';
    }
    // A pending prompt that was deleted leaves no trace.
    if (!pending.includes(promptId)) return wasDeleted ? 'nothing' : 'perhaps';
    // It may start between the look and the deletion, so look again.
    await client.deletePending(promptId, signal);
    wasDeleted = true;
  }
}
