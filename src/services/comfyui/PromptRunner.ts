import { isServerFailure, PromptError } from '../../errors.js';
import { withDeadline } from '../../utils/deadline.js';
import type { Logger } from '../../utils/logger.js';
import type { ComfyClient } from './ComfyClient.js';
import type { ConnectionManager } from './ConnectionManager.js';
import { LeavePrompt } from './LeavePrompt.js';
import { ownOutputs } from './ownOutputs.js';
import { Patience } from './Patience.js';
import { type AttemptOptions, PromptAttempt } from './PromptAttempt.js';
import { type CleanupOptions, PromptCleanup } from './PromptCleanup.js';
import type { PromptResult, PromptRun, RunListener } from './PromptRun.js';

export interface PromptRunnerOptions extends AttemptOptions, CleanupOptions {}

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
  readonly #cleanup: PromptCleanup;

  constructor(connections: ConnectionManager, options: PromptRunnerOptions, logger: Logger) {
    this.#connections = connections;
    this.#options = options;
    this.#cleanup = new PromptCleanup(options, logger);
  }

  /**
   * Runs a prompt. The WebSocket is open before the prompt is submitted, because events are not kept (protocol trap
   * 1). If `signal` is aborted, the prompt is taken back from ComfyUI before this rejects.
   * @throws PromptError (with `leftBehind` if the prompt may still be on the instance), LeavePrompt if another server
   * continues the prompt, or the signal's reason
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
   * @throws PromptError `server exhausted`, or the signal's reason
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
    } catch (error) {
      signal.throwIfAborted();
      // The instance was not asked.
      if (isServerFailure(error)) throw error;
      return undefined;
    }
    return { client, promptId, attempt: this.#cleanup.takeLeftBehind(client, promptId) };
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
    attempt.takeOver(found.attempt);
    return this.#settle(attempt, () => attempt.resumed(signal), signal);
  }

  /**
   * Takes back, in the background, a prompt that an attempt left on an instance. Its job has ended.
   * @param isFollowed whether another server may still follow it: it gets the time to do that itself
   */
  takeBack(client: ComfyClient, promptId: string, isFollowed: boolean): void {
    this.#cleanup.takeBack(client, promptId, isFollowed);
  }

  async #settle(
    attempt: PromptAttempt,
    work: () => Promise<PromptResult>,
    signal: AbortSignal,
  ): Promise<PromptResult> {
    try {
      signal.throwIfAborted();
      const result = await work();
      this.#cleanup.tidyUp(attempt);
      return result;
    } catch (error) {
      if (signal.reason instanceof LeavePrompt) leave(attempt);
      else if (attempt.hasEnded) this.#cleanup.tidyUp(attempt);
      else if (!attempt.wasSubmitted) {
        attempt.releaseFiles();
        attempt.detach();
      } else if (error instanceof LeavePrompt || !(await this.#cleanup.mayStop(attempt, signal))) {
        leave(attempt);
        throw new LeavePrompt();
      } else {
        // Another attempt may continue it.
        const isWanted = error instanceof PromptError && error.verdict.retry && !signal.aborted;
        const isGone = await this.#cleanup.abandon(attempt, isWanted);
        if (isWanted && !isGone && attempt.hasOwnId) error.leftBehind = attempt.promptId;
      }
      throw error;
    }
  }

  /** Waits at most `maxMs` for the cleanup, then aborts it. */
  stop(maxMs: number): Promise<void> {
    return this.#cleanup.stop(maxMs);
  }

  /** Repeats cleanup that failed on an instance which responds again. Never rejects, and does not delay `stop`. */
  retryCleanup(client: ComfyClient): Promise<void> {
    return this.#cleanup.retry(client);
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
