import { messageOf, PromptError } from '../../errors.js';
import { unlessAborted, withDeadline } from '../../utils/deadline.js';
import type { Logger } from '../../utils/logger.js';
import { sleep } from '../../utils/timers.js';
import type { ComfyClient } from './ComfyClient.js';
import type { ConnectionManager } from './ConnectionManager.js';
import { HistoryCleaner } from './HistoryCleaner.js';
import { LeavePrompt } from './LeavePrompt.js';
import { ownOutputs } from './ownOutputs.js';
import { Patience } from './Patience.js';
import { type AttemptOptions, PromptAttempt } from './PromptAttempt.js';
import type { PromptResult, PromptRun, RunListener } from './PromptRun.js';
import { type Remains, takeBack } from './takeBack.js';

export interface PromptRunnerOptions extends AttemptOptions {
  /** Keep the prompt in ComfyUI's history. */
  readonly keepHistory: boolean;
  /** How long stopping a prompt may delay the caller, ms. */
  readonly stopTimeoutMs: number;
  /** How long stopping a prompt is retried, and its history entry awaited, ms. */
  readonly stopPatienceMs: number;
}

/** A prompt of an earlier attempt, which its instance has. */
export interface FoundPrompt {
  readonly client: ComfyClient;
  readonly promptId: string;
  /** If it was this server's. */
  readonly attempt: PromptAttempt | undefined;
}

/** Runs prompts on instances, from the upload to the outputs, and cleans up afterwards. */
export class PromptRunner {
  readonly #connections: ConnectionManager;
  readonly #options: PromptRunnerOptions;
  readonly #logger: Logger;
  readonly #history = new HistoryCleaner();
  readonly #background = new Set<Promise<void>>();
  /** Abandoned attempts that may be resumed, by prompt id. */
  readonly #leftBehind = new Map<string, PromptAttempt>();
  readonly #stopped = new AbortController();

  constructor(connections: ConnectionManager, options: PromptRunnerOptions, logger: Logger) {
    this.#connections = connections;
    this.#options = options;
    this.#logger = logger;
  }

  /**
   * Runs a prompt. The WebSocket is open before the prompt is submitted, because events are not kept (protocol trap
   * 1). If `signal` is aborted, the prompt is taken back from ComfyUI before this rejects.
   * @throws PromptError (with `leftBehind` if the prompt may still be on the instance), or the signal's reason
   */
  async run(
    client: ComfyClient,
    run: PromptRun,
    listener: RunListener,
    signal: AbortSignal,
  ): Promise<PromptResult> {
    await this.#freeDoubtfulNames(client, signal);
    const owned = ownRun(run);
    const lease = await this.#connections.acquire(client.address);
    const attempt = new PromptAttempt(client, owned, listener, lease, this.#options);
    return this.#settle(attempt, () => attempt.result(signal), signal);
  }

  /**
   * Looks for a prompt of an earlier attempt, so that no work is repeated.
   * @param silenceMs how long an instance that accepts connections may leave open whether it has the prompt, ms; 0:
   * one request
   * @returns undefined if the instance does not have it, or does not say so
   * @throws the signal's reason
   */
  async find(
    client: ComfyClient,
    promptId: string,
    signal: AbortSignal,
    silenceMs = 0,
  ): Promise<FoundPrompt | undefined> {
    try {
      const look = (deadline: AbortSignal) => client.prompts.knows(promptId, deadline);
      const isKnown =
        silenceMs > 0
          ? await new Patience(client, silenceMs).request(() => look(signal), signal)
          : await withDeadline(this.#options.stopTimeoutMs, signal, look);
      if (!isKnown) return undefined;
    } catch {
      signal.throwIfAborted();
      return undefined;
    }
    const attempt = this.#leftBehind.get(promptId);
    this.#leftBehind.delete(promptId);
    return { client, promptId, attempt };
  }

  /**
   * Continues a prompt of an earlier attempt. Apart from that like `run`.
   * @param run with the id of that prompt
   * @throws like `run`
   */
  async resume(
    found: FoundPrompt,
    run: PromptRun,
    listener: RunListener,
    signal: AbortSignal,
  ): Promise<PromptResult> {
    const attempt = new PromptAttempt(found.client, ownRun(run), listener, undefined, this.#options);
    return this.#settle(attempt, () => attempt.resumed(found.attempt, signal), signal);
  }

  async #settle(
    attempt: PromptAttempt,
    work: () => Promise<PromptResult>,
    signal: AbortSignal,
  ): Promise<PromptResult> {
    try {
      signal.throwIfAborted();
      const result = await work();
      this.#tidyUp(attempt);
      return result;
    } catch (error) {
      if (signal.reason instanceof LeavePrompt) leave(attempt);
      else if (attempt.hasEnded) this.#tidyUp(attempt);
      else if (attempt.wasSubmitted) {
        // Another attempt may continue it.
        const isWanted = error instanceof PromptError && error.verdict.retry && !signal.aborted;
        const isGone = await this.#abandon(attempt, isWanted);
        if (isWanted && !isGone && attempt.hasOwnId) error.leftBehind = attempt.promptId;
      } else {
        attempt.releaseFiles();
        attempt.detach();
      }
      throw error;
    }
  }

  /** Waits at most `maxMs` for the cleanup, then aborts it. */
  async stop(maxMs: number): Promise<void> {
    await withDeadline(maxMs, undefined, async (deadline) => {
      await Promise.race([Promise.all(this.#background), sleep(maxMs, deadline)]);
    });
    this.#stopped.abort();
    await Promise.all(this.#background);
  }

  /** Repeats cleanup that failed on an instance which responds again. Never rejects, and does not delay `stop`. */
  async retryCleanup(client: ComfyClient): Promise<void> {
    await this.#history
      .retry(client, this.#stopped.signal)
      .catch((error: unknown) => this.#logFailure(error, client));
  }

  #later(attempt: PromptAttempt, work: () => Promise<void>): void {
    const task = work()
      .catch((error: unknown) => this.#logFailure(error, attempt.client, attempt.promptId))
      .finally(() => this.#background.delete(task));
    this.#background.add(task);
  }

  #logFailure(error: unknown, { address }: ComfyClient, promptId?: string): void {
    const fields = { instance: address.host, promptId, error: messageOf(error) };
    this.#logger.debug('Cleanup on ComfyUI failed', fields);
  }

  /** ComfyUI ended the prompt: its files are free, and its history entry is deleted soon. */
  #tidyUp(attempt: PromptAttempt): void {
    attempt.releaseFiles();
    this.#later(attempt, () => this.#forget(attempt).finally(() => attempt.detach()));
  }

  /** Deletes the history entry: it contains the whole prompt, for up to 10,000 prompts (protocol trap 6). */
  async #forget(attempt: PromptAttempt): Promise<void> {
    if (this.#options.keepHistory) return;
    if (attempt.until) await unlessAborted(attempt.until, this.#stopped.signal);
    await attempt.follower.leftQueue(this.#options.stopTimeoutMs, this.#stopped.signal);
    await this.#history.delete(attempt.client, attempt.promptId, this.#stopped.signal);
  }

  /**
   * Takes a prompt back: removes it from the queue if pending, interrupts it if running. An instance that does not
   * respond is asked again in the background: it executes what it got before it went silent.
   * @returns whether it certainly no longer runs
   */
  async #abandon(attempt: PromptAttempt, isWanted: boolean): Promise<boolean> {
    const { stopTimeoutMs, stopPatienceMs } = this.#options;
    // Messages about it are no longer needed.
    attempt.detach();
    const first = this.#stop(attempt, stopTimeoutMs);
    this.#later(attempt, async () => {
      try {
        const left = await first.catch(() =>
          isWanted ? this.#stopUnlessResumed(attempt) : this.#stop(attempt, stopPatienceMs),
        );
        if (left !== 'resumed') await this.#forgetStopped(attempt, left);
      } catch (error) {
        // Released ones stay released.
        attempt.keepFiles();
        throw error;
      }
    });
    return first.then(
      () => true,
      () => false,
    );
  }

  #stop(attempt: PromptAttempt, ms: number): Promise<Remains> {
    const { lostPollMs } = this.#options.timings;
    return withDeadline(ms, this.#stopped.signal, (signal) => takeBack(attempt, lostPollMs, signal));
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
      if (!this.#leftBehind.has(promptId)) return 'resumed';
      return await this.#stop(attempt, stopPatienceMs);
    } catch (error) {
      if (!this.#leftBehind.has(promptId)) return 'resumed';
      throw error;
    } finally {
      if (this.#leftBehind.get(promptId) === attempt) this.#leftBehind.delete(promptId);
    }
  }

  async #forgetStopped(attempt: PromptAttempt, left: Remains): Promise<void> {
    const { stopPatienceMs, timings } = this.#options;
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
      if (!this.#options.keepHistory) this.#history.deleteLater(client, promptId);
      throw error;
    }
    attempt.releaseFiles();
    if (!this.#options.keepHistory) await this.#history.delete(client, promptId, this.#stopped.signal);
  }

  /** Waits for the history entry of a prompt that was stopped. A failed request is repeated. */
  async #ended({ client, promptId }: PromptAttempt, signal: AbortSignal): Promise<void> {
    while (!(await client.prompts.historyEntry(promptId, signal).catch(() => undefined))) {
      await sleep(this.#options.timings.lostPollMs, signal);
      signal.throwIfAborted();
    }
  }

  /** Releases file names that were reserved for prompts which the instance does not have. */
  async #freeDoubtfulNames(client: ComfyClient, signal: AbortSignal): Promise<void> {
    const doubtful = client.uploadNames.doubtfulPrompts();
    if (doubtful.length === 0) return;
    try {
      const { running, pending } = await withDeadline(this.#options.stopTimeoutMs, signal, (deadline) =>
        client.prompts.queue(deadline),
      );
      const known = new Set([...running, ...pending]);
      for (const id of doubtful) if (!known.has(id)) client.uploadNames.forget(id);
    } catch {
      // There are other names.
      signal.throwIfAborted();
    }
  }
}

/** Stops listening, without touching anything that the prompt needs. */
function leave(attempt: PromptAttempt): void {
  attempt.keepFiles();
  attempt.detach();
}

/** The run with unique output nodes. @throws Error if its graph lacks one of them */
function ownRun(run: PromptRun): PromptRun {
  return { ...run, ...ownOutputs(run.graph, run.outputNodes, run.promptId) };
}
