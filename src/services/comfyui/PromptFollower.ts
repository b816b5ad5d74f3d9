import { isServerFailure } from '../../errors.js';
import { Bell } from '../../utils/bell.js';
import { DeadlineExceeded, unlessAborted, withDeadline } from '../../utils/deadline.js';
import { sleep } from '../../utils/timers.js';
import type { PromptGraph } from '../../workflows/graph.js';
import type { ComfyClient } from './ComfyClient.js';
import type { ComfySocket, PromptListener } from './ComfySocket.js';
import { LeavePrompt } from './LeavePrompt.js';
import type { MachineListener } from './machineMessages.js';
import { type NodeTime, NodeTimes } from './NodeTimes.js';
import { Patience } from './Patience.js';
import { PromptClock, type RunLimits } from './PromptClock.js';
import type { StopVerdict } from './PromptHold.js';
import { type InquiryTimings, PromptInquiry } from './PromptInquiry.js';
import type {
  MadeByNode,
  PromptDetail,
  PromptOutcome,
  PromptProgress,
  PromptTracker,
} from './promptTracker.js';
import type { PromptMessage } from './protocol.js';

/** Timing for following a prompt; milliseconds. */
export interface FollowTimings extends InquiryTimings {
  /** Silence about a prompt, on an open WebSocket, after which its history is requested. */
  readonly quietPollMs: number;
  /** Poll interval of a prompt without a WebSocket. */
  readonly lostPollMs: number;
  /** How long a server that was killed may seem to follow its prompts. */
  readonly heldMs: number;
}

/** Number of polls without a response after which an instance counts as silent. */
const MISSED_POLLS = 2.5;

interface Following {
  readonly client: ComfyClient;
  readonly graph: PromptGraph;
  readonly tracker: PromptTracker;
  readonly outputNodes: readonly string[];
  readonly socket: ComfySocket | undefined;
  readonly timings: FollowTimings;
  readonly limits: RunLimits;
  /** Asked before the prompt is removed from the instance's queue. Never rejects. */
  mayWithdraw(): Promise<StopVerdict>;
  readonly machine: MachineListener;
  onProgress(progress: PromptProgress): void;
  /** Called with every message that may change the progress, however little. */
  onStep?: ((detail: PromptDetail) => void) | undefined;
  /** Called when an output node has an output. */
  onMade?: ((made: MadeByNode) => void) | undefined;
}

/**
 * Follows one prompt to its end: by its messages, or by slow polling if there are none. No end depends on a message,
 * so a WebSocket that is closed, deaf or mute delays a prompt but never loses it.
 */
export class PromptFollower implements PromptListener {
  readonly #following: Following;
  readonly #bell = new Bell();
  readonly #patience: Patience;
  readonly #clock: PromptClock;
  readonly #nodeTimes: NodeTimes;
  readonly #inquiry: PromptInquiry;
  #hasSocket: boolean;
  /** The last reported progress. */
  #told: PromptProgress | undefined;
  /** `performance.now()` of the next poll, postponed by every message. */
  #nextPoll = 0;

  constructor(following: Following) {
    this.#following = following;
    this.#hasSocket = following.socket !== undefined;
    this.#patience = new Patience(following.client, following.limits.executionMs);
    this.#clock = new PromptClock(following.limits);
    this.#nodeTimes = new NodeTimes(following.graph);
    this.#inquiry = new PromptInquiry({
      ...following,
      patience: this.#patience,
      clock: this.#clock,
      queueMs: following.limits.queueMs,
      onUnheard: () => {
        // The WebSocket is deaf (protocol trap 3), and would be for the next prompt, too.
        if (this.#hasSocket) following.socket?.terminate();
      },
    });
    this.#putOffPoll();
  }

  /** Milliseconds since ComfyUI started the prompt; undefined if the start was not seen. */
  get executionMs(): number | undefined {
    return this.#clock.executionMs;
  }

  /** The execution time of each node; empty if messages were missed. */
  get nodeTimes(): readonly NodeTime[] {
    return this.#following.tracker.hasGaps ? [] : this.#nodeTimes.all();
  }

  get machine(): MachineListener {
    return this.#following.machine;
  }

  onMessage(message: PromptMessage): void {
    this.#putOffPoll();
    const { tracker, onProgress, onStep, onMade } = this.#following;
    tracker.accept(message);
    this.#nodeTimes.at(tracker.node, performance.now());
    if (message.type === 'executed') onMade?.(tracker.made);
    this.#patience.heard();
    this.#clock.start();
    if (tracker.outcome) {
      this.#bell.ring();
      return;
    }
    // Most messages change nothing visible.
    const { progress } = tracker;
    if (onStep) onStep(tracker.detail);
    const { percentage, node } = this.#told ?? {};
    if (progress.percentage === percentage && progress.node?.id === node?.id) return;
    this.#told = progress;
    onProgress(progress);
  }

  onDisconnect(): void {
    this.#hasSocket = false;
    this.suspectMissedMessages();
    this.#bell.ring();
  }

  /** Assumes that messages were missed: polls immediately, including the queue. */
  suspectMissedMessages(): void {
    this.#following.tracker.hasGaps = true;
    this.#nextPoll = 0;
    this.#inquiry.suspectLoss();
  }

  /**
   * Resolves with the prompt's end; a lost prompt is a retryable failure, and so is one that waited too long.
   * @throws PromptError if the limit of the execution is reached, or the instance no longer responds
   * @throws LeavePrompt if another server continues the prompt
   * @throws the signal's reason if it is aborted
   */
  async end(promptId: string, signal: AbortSignal): Promise<PromptOutcome> {
    this.#inquiry.submitted();
    this.#clock.submitted();
    for (;;) {
      signal.throwIfAborted();
      const outcome = this.#following.tracker.outcome;
      if (outcome?.kind === 'ask-history') return this.#inquiry.awaitHistory(promptId, signal);
      if (outcome) return outcome;
      const ended = await this.#step(promptId, signal);
      if (ended) return ended;
    }
  }

  /** Repeats a request about the prompt as long as the instance may be busy. */
  patiently<T>(request: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return this.#patience.request(request, signal);
  }

  /**
   * Waits until the history entry of a finished prompt must exist, so that it can be deleted: `executing {node:
   * null}` comes after it, `execution_success` before it (protocol trap 2).
   */
  async leftQueue(maxMs: number, signal: AbortSignal): Promise<void> {
    await withDeadline(maxMs, signal, async (deadline) => {
      while (this.#hasSocket && !this.#following.tracker.hasLeftQueue && !deadline.aborted) {
        await this.#bell.wait(maxMs, deadline);
      }
    });
  }

  /** Whether even the polls of a quiet prompt have had no response for a while. */
  get #isSilent(): boolean {
    return this.#patience.silentMs > MISSED_POLLS * this.#following.timings.quietPollMs;
  }

  #putOffPoll(): void {
    const { quietPollMs, lostPollMs } = this.#following.timings;
    this.#nextPoll = performance.now() + (this.#hasSocket ? quietPollMs : lostPollMs);
  }

  async #step(promptId: string, signal: AbortSignal): Promise<PromptOutcome | undefined> {
    const left = this.#clock.check();
    if (left === 'over') return this.#lastLook(promptId, signal);
    if (left === 'to be moved') return this.#move(promptId, signal);
    return this.#waitOrPoll(left, promptId, signal);
  }

  /** Waits for messages for at most `left` milliseconds, or polls if it is time to. */
  async #waitOrPoll(left: number, promptId: string, signal: AbortSignal): Promise<PromptOutcome | undefined> {
    const wait = Math.min(this.#nextPoll - performance.now(), left);
    if (wait <= 0) return this.#pollWithin(left, promptId, signal);
    await this.#bell.wait(wait, signal);
    return undefined;
  }

  /** Withdraws the prompt if this server still holds its job. As long as that is unknown, the prompt is followed as before. */
  async #move(promptId: string, signal: AbortSignal): Promise<PromptOutcome | undefined> {
    const verdict = await unlessAborted(this.#following.mayWithdraw(), signal);
    if (verdict === 'is wanted') throw new LeavePrompt();
    if (verdict === 'may stop') return this.#withdraw(promptId, signal);
    return this.#waitOrPoll(this.#following.timings.lostPollMs, promptId, signal);
  }

  /**
   * Removes the prompt from the instance's queue, so that another instance can run it. If it has started, or the instance does
   * not say whether it has, it is followed as before: it must never run twice.
   */
  async #withdraw(promptId: string, signal: AbortSignal): Promise<PromptOutcome | undefined> {
    try {
      const found = await this.#inquiry.withdraw(promptId, signal);
      this.#patience.heard();
      if ('kind' in found) return found;
      if (found.isRunning) this.#clock.start();
      else this.#inquiry.suspectLoss();
    } catch (error) {
      await this.#patience.failed(error, signal);
      this.#inquiry.suspectLoss();
      await sleep(this.#following.timings.lostPollMs, signal);
      return undefined;
    }
    return this.#poll(promptId, signal);
  }

  /**
   * Asks once more whether the prompt has finished: this process may have been stopped for longer than the limit.
   * @returns undefined if this server cannot ask at the moment
   * @throws PromptError if it has not
   */
  async #lastLook(promptId: string, signal: AbortSignal): Promise<PromptOutcome | undefined> {
    const { quietPollMs } = this.#following.timings;
    try {
      const look = (deadline: AbortSignal) => this.#inquiry.finished(promptId, deadline);
      const outcome = await withDeadline(quietPollMs, signal, look);
      this.#patience.heard();
      if (outcome) return outcome;
    } catch (error) {
      signal.throwIfAborted();
      if (isServerFailure(error)) return undefined;
    }
    throw this.#clock.overError(this.#isSilent);
  }

  /** A poll that is aborted when a limit of the prompt is reached. */
  async #pollWithin(ms: number, promptId: string, signal: AbortSignal): Promise<PromptOutcome | undefined> {
    try {
      return await withDeadline(ms, signal, (deadline) => this.#poll(promptId, deadline));
    } catch (error) {
      if (error instanceof DeadlineExceeded && !signal.aborted) return undefined;
      throw error;
    } finally {
      this.#putOffPoll();
    }
  }

  async #poll(promptId: string, signal: AbortSignal): Promise<PromptOutcome | undefined> {
    try {
      const outcome = await this.#inquiry.outcome(promptId, signal);
      this.#patience.heard();
      return outcome;
    } catch (error) {
      await this.#patience.failed(error, signal);
      this.#inquiry.suspectLoss();
      return undefined;
    }
  }
}
