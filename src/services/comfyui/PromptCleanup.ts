import { messageOf } from '../../errors.js';
import { unlessAborted, withDeadline } from '../../utils/deadline.js';
import type { Logger } from '../../utils/logger.js';
import { sleep } from '../../utils/timers.js';
import type { ComfyClient } from './ComfyClient.js';
import { HistoryCleaner } from './HistoryCleaner.js';
import { LaterTakeBacks } from './LaterTakeBacks.js';
import { LeavePrompt } from './LeavePrompt.js';
import { Patience } from './Patience.js';
import type { PromptAttempt } from './PromptAttempt.js';
import type { FollowTimings } from './PromptFollower.js';
import { type Remains, type Submitted, takeBack } from './takeBack.js';

export interface CleanupOptions {
  readonly timings: FollowTimings;
  /** Keep the prompt in ComfyUI's history. */
  readonly keepHistory: boolean;
  /** How long stopping a prompt may delay the caller, ms. */
  readonly stopTimeoutMs: number;
  /** How long stopping a prompt is retried, and its history entry awaited, ms. */
  readonly stopPatienceMs: number;
}

/** A prompt that is taken back, with the names of its files. */
interface Unneeded extends Submitted, Pick<PromptAttempt, 'wasAccepted' | 'releaseFiles' | 'keepFiles'> {}

/**
 * Removes from the instances what prompts leave there: history entries, and prompts that nobody follows any more. Where other
 * servers may continue a prompt, nothing is removed without asking.
 */
export class PromptCleanup {
  readonly #options: CleanupOptions;
  readonly #logger: Logger;
  readonly #history = new HistoryCleaner();
  readonly #background = new Set<Promise<void>>();
  /** Abandoned attempts that may be resumed, by prompt id. */
  readonly #leftBehind = new Map<string, PromptAttempt>();
  readonly #takenBackLater = new LaterTakeBacks();
  readonly #stopped = new AbortController();

  constructor(options: CleanupOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
  }

  /** Waits at most `maxMs` for the cleanup, then aborts it. */
  async stop(maxMs: number): Promise<void> {
    this.#takenBackLater.stop();
    await withDeadline(maxMs, undefined, async (deadline) => {
      await Promise.race([Promise.all(this.#background), sleep(maxMs, deadline)]);
    });
    this.#stopped.abort();
    await Promise.all(this.#background);
  }

  /** Repeats cleanup that failed on an instance which responds again. Never rejects, and does not delay `stop`. */
  async retry(client: ComfyClient): Promise<void> {
    this.#takenBackLater.responds(client);
    await this.#history
      .retry(client, this.#stopped.signal)
      .catch((error: unknown) => this.#logFailure(error, client));
  }

  /** Returns an abandoned attempt, which is resumed now: its prompt is no longer stopped. */
  takeLeftBehind(client: ComfyClient, promptId: string): PromptAttempt | undefined {
    this.#takenBackLater.forget(client, promptId);
    const attempt = this.#leftBehind.get(promptId);
    this.#leftBehind.delete(promptId);
    return attempt;
  }

  /** ComfyUI ended the prompt: its files are free, and its history entry is deleted soon. */
  tidyUp(attempt: PromptAttempt): void {
    attempt.releaseFiles();
    this.#later(attempt, () => this.#forget(attempt).finally(() => attempt.detach()));
  }

  /**
   * Whether the prompt of a failed attempt may be stopped. Waits until that is known: nobody can record a failure before.
   * @param signal of the attempt. A job that was cancelled needs no prompt, whoever follows it
   */
  async mayStop(attempt: PromptAttempt, signal: AbortSignal): Promise<boolean> {
    const mayStop = await this.#ask(attempt, this.#options.timings.lostPollMs, signal);
    if (!signal.aborted) return mayStop;
    attempt.isCancelled = !(signal.reason instanceof LeavePrompt);
    return attempt.isCancelled;
  }

  /**
   * Takes a prompt back that may be stopped: removes it from the queue if pending, interrupts it if running. An instance that
   * does not respond is asked again in the background: it executes what it got before it went silent.
   * @param isWanted whether the job's next attempt may continue it
   * @returns whether it certainly no longer runs
   */
  async abandon(attempt: PromptAttempt, isWanted: boolean): Promise<boolean> {
    const { stopTimeoutMs } = this.#options;
    // Messages about it are no longer needed.
    attempt.detach();
    const first = this.#stop(attempt, stopTimeoutMs);
    const again = () => (isWanted ? this.#stopUnlessResumed(attempt) : this.#stopLater(attempt));
    this.#stopInBackground(attempt, () => first.catch(again), again);
    return first.then(
      (left) => left !== 'wanted',
      () => false,
    );
  }

  /**
   * Takes back, in the background, a prompt that nobody needs.
   * @param isFollowed whether another server may still follow it: it gets the time to do that itself
   */
  takeBack(client: ComfyClient, promptId: string, isFollowed: boolean): void {
    // Its own attempt is about to do it.
    if (this.#leftBehind.has(promptId)) return;
    if (isFollowed) {
      const now = () => this.takeBack(client, promptId, false);
      this.#takenBackLater.after(this.#options.timings.heldMs, now);
      return;
    }
    const prompt: Unneeded = {
      client,
      promptId,
      submission: Promise.resolve(),
      wasAccepted: true,
      verdict: async () => 'may stop',
      releaseFiles: () => undefined,
      keepFiles: () => undefined,
    };
    const stop = () => this.#stop(prompt, this.#options.stopPatienceMs);
    this.#stopInBackground(prompt, stop, stop);
  }

  /**
   * @param stop the first attempt to stop the prompt
   * @param again repeats it when its instance responds again, if it did not respond for too long
   */
  #stopInBackground(
    prompt: Unneeded,
    stop: () => Promise<Remains | 'resumed'>,
    again: () => Promise<Remains | 'resumed'>,
  ): void {
    this.#later(prompt, async () => {
      try {
        const left = await stop().catch((error: unknown) => {
          const repeat = () => this.#stopInBackground(prompt, again, again);
          this.#takenBackLater.whenResponding(prompt.client, prompt.promptId, repeat);
          throw error;
        });
        if (left !== 'resumed') await this.#forgetStopped(prompt, left);
      } catch (error) {
        // Released ones stay released.
        prompt.keepFiles();
        throw error;
      }
    });
  }

  #later(attempt: Unneeded, work: () => Promise<void>): void {
    const task = work()
      .catch((error: unknown) => this.#logFailure(error, attempt.client, attempt.promptId))
      .finally(() => this.#background.delete(task));
    this.#background.add(task);
  }

  #logFailure(error: unknown, { address }: ComfyClient, promptId?: string): void {
    const fields = { instance: address.host, promptId, error: messageOf(error) };
    this.#logger.debug('Cleanup on ComfyUI failed', fields);
  }

  /** @returns whether the prompt may be stopped; false also if `signal` is aborted before that is known */
  async #ask(attempt: PromptAttempt, everyMs: number, signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      const verdict = await unlessAborted(attempt.verdict(), signal).catch(() => 'unknown' as const);
      if (verdict !== 'unknown') return verdict === 'may stop';
      await sleep(everyMs, signal);
    }
    return false;
  }

  /**
   * Whether nobody needs the prompt of an attempt that is over. Waits until that is decided, which may take as long as the job
   * waits for its next attempt.
   * @throws the reason of `stop`
   */
  async #isFree(attempt: PromptAttempt): Promise<boolean> {
    const { signal } = this.#stopped;
    if (attempt.isCancelled || (await unlessAborted(attempt.recorded, signal))) return true;
    return this.#ask(attempt, this.#options.timings.queueCheckMs, signal);
  }

  /** Deletes the history entry: it contains the whole prompt, for up to 10,000 prompts (protocol trap 6). */
  async #forget(attempt: PromptAttempt): Promise<void> {
    const { keepHistory, stopTimeoutMs } = this.#options;
    if (keepHistory) return;
    const { signal } = this.#stopped;
    if (!(await this.#isFree(attempt))) return;
    await attempt.follower.leftQueue(stopTimeoutMs, signal);
    await this.#history.delete(attempt.client, attempt.promptId, signal);
  }

  #stop(attempt: Unneeded, ms: number): Promise<Remains> {
    const { lostPollMs } = this.#options.timings;
    return withDeadline(ms, this.#stopped.signal, (signal) => takeBack(attempt, lostPollMs, signal));
  }

  /** Stops a prompt whose instance has not responded, unless another server has begun to follow it. */
  async #stopLater(attempt: PromptAttempt): Promise<Remains> {
    const isFree = await this.#isFree(attempt);
    return isFree ? this.#stop(attempt, this.#options.stopPatienceMs) : 'wanted';
  }

  /** Keeps a prompt for the job's next attempt for a moment, once its instance responds again. */
  async #stopUnlessResumed(attempt: PromptAttempt): Promise<Remains | 'resumed'> {
    const { stopPatienceMs, timings } = this.#options;
    const { client, promptId } = attempt;
    this.#leftBehind.set(promptId, attempt);
    try {
      await withDeadline(stopPatienceMs, this.#stopped.signal, async (signal) => {
        const patience = new Patience(client, stopPatienceMs);
        await patience.request(() => client.prompts.queue(signal), signal);
        await sleep(timings.queueCheckMs, signal);
      });
      const isFree = await this.#isFree(attempt);
      if (!this.#leftBehind.has(promptId)) return 'resumed';
      return isFree ? await this.#stop(attempt, stopPatienceMs) : 'wanted';
    } catch (error) {
      if (!this.#leftBehind.has(promptId)) return 'resumed';
      throw error;
    } finally {
      if (this.#leftBehind.get(promptId) === attempt) this.#leftBehind.delete(promptId);
    }
  }

  async #forgetStopped(attempt: Unneeded, left: Remains): Promise<void> {
    const { stopPatienceMs, timings, keepHistory } = this.#options;
    if (left === 'wanted') return attempt.keepFiles();
    // An interrupted prompt reads its files until its node notices. One whose submission had no response may still be
    // in a socket of a suspended process.
    if (left === 'nothing' || (left === 'perhaps' && attempt.wasAccepted)) attempt.releaseFiles();
    if (left === 'nothing') return;
    const patience = left === 'entry' ? stopPatienceMs : timings.historyPatienceMs;
    const { client, promptId } = attempt;
    try {
      await withDeadline(patience, this.#stopped.signal, (signal) => this.#ended(attempt, signal));
    } catch (error) {
      // The instance may not have responded. To delete an entry that does not exist does no harm.
      if (!keepHistory) this.#history.deleteLater(client, promptId);
      throw error;
    }
    attempt.releaseFiles();
    if (!keepHistory) await this.#history.delete(client, promptId, this.#stopped.signal);
  }

  /** Waits for the history entry of a prompt that was stopped. A failed request is repeated. */
  async #ended({ client, promptId }: Unneeded, signal: AbortSignal): Promise<void> {
    while (!(await client.prompts.historyEntry(promptId, signal).catch(() => undefined))) {
      await sleep(this.#options.timings.lostPollMs, signal);
      signal.throwIfAborted();
    }
  }
}
