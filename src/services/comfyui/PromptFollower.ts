import { PromptError } from '../../errors.js';
import { Bell } from '../../utils/bell.js';
import { DeadlineExceeded, withDeadline } from '../../utils/deadline.js';
import { sleep } from '../../utils/timers.js';
import type { PromptGraph } from '../../workflows/graph.js';
import type { ComfyClient } from './ComfyClient.js';
import type { ComfySocket, PromptListener } from './ComfySocket.js';
import type { MachineListener } from './machineMessages.js';
import { type NodeTime, NodeTimes } from './NodeTimes.js';
import { Patience } from './Patience.js';
import { PromptClock, type RunLimits } from './PromptClock.js';
import {
  type MadeByNode,
  outcomeOfHistory,
  type PromptDetail,
  type PromptOutcome,
  type PromptProgress,
  type PromptTracker,
} from './promptTracker.js';
import type { PromptMessage } from './protocol.js';
import { severalMachines } from './severalMachines.js';

/** How patiently a prompt is followed; milliseconds. */
export interface FollowTimings {
  /** Silence about a prompt, on an open socket, after which the history is asked. */
  readonly quietPollMs: number;
  /** Between two polls of a prompt that has no socket. */
  readonly lostPollMs: number;
  /** Between two looks at the queue, which carries every queued prompt. */
  readonly queueCheckMs: number;
  /** First wait for a history entry that is not there yet after the run's end; doubled each time. */
  readonly historyRetryMs: number;
  /** How long such an entry may take. */
  readonly historyPatienceMs: number;
}

/** An instance is silent when this many polls could have been answered and none was. */
const MISSED_POLLS = 2.5;

interface Following {
  readonly client: ComfyClient;
  readonly graph: PromptGraph;
  readonly tracker: PromptTracker;
  readonly outputNodes: readonly string[];
  readonly socket: ComfySocket | undefined;
  readonly timings: FollowTimings;
  readonly limits: RunLimits;
  readonly machine: MachineListener;
  onProgress(progress: PromptProgress): void;
  /** Called with every message that may change the progress, however little. */
  onStep?: ((detail: PromptDetail) => void) | undefined;
  /** Called when an output node has made something. */
  onMade?: ((made: MadeByNode) => void) | undefined;
}

/**
 * Follows one prompt to its end: by its messages while there are any, by a slow poll whenever they stay away. No
 * end depends on a message, so a socket that is cut, deaf or mute delays a prompt and never loses it.
 */
export class PromptFollower implements PromptListener {
  readonly #following: Following;
  readonly #bell = new Bell();
  readonly #patience: Patience;
  readonly #clock: PromptClock;
  readonly #nodeTimes: NodeTimes;
  #hasSocket: boolean;
  /** The progress that was told last. */
  #told: PromptProgress | undefined;
  /** `performance.now()` of the next poll, put off by every message. */
  #nextPoll = 0;
  #nextQueueCheck: number;
  /** `performance.now()` of the oldest look at the queue that tells anything about this prompt. */
  #oldestLook = 0;

  constructor(following: Following) {
    this.#following = following;
    this.#hasSocket = following.socket !== undefined;
    this.#patience = new Patience(following.client, following.limits.executionMs);
    this.#clock = new PromptClock(following.limits);
    this.#nodeTimes = new NodeTimes(following.graph);
    this.#nextQueueCheck = performance.now() + following.timings.queueCheckMs;
    this.#putOffPoll();
  }

  /** Milliseconds since ComfyUI began; undefined where that was not seen. */
  get executionMs(): number | undefined {
    return this.#clock.executionMs;
  }

  /** How long each node was at work; none where messages were missed that told. */
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
    // Most messages change nothing that anybody sees.
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

  /** Assumes that messages were missed: polls at once, and looks at the queue too. */
  suspectMissedMessages(): void {
    this.#following.tracker.hasGaps = true;
    this.#nextPoll = 0;
    this.#suspectLoss();
  }

  /**
   * Resolves with the prompt's end; a prompt that the server lost ends as a retryable failure.
   * @throws PromptError when a limit is reached, or the instance does not answer any more
   * @throws the signal's reason when it is aborted
   */
  async end(promptId: string, signal: AbortSignal): Promise<PromptOutcome> {
    // Before this it need not have been there.
    this.#oldestLook = performance.now();
    this.#clock.submitted();
    for (;;) {
      signal.throwIfAborted();
      const outcome = this.#following.tracker.outcome;
      if (outcome?.kind === 'ask-history') return this.#awaitHistory(promptId, signal);
      if (outcome) return outcome;
      const left = this.#clock.check(this.#isSilent);
      const wait = Math.min(this.#nextPoll - performance.now(), left);
      const polled =
        wait > 0 ? await this.#bell.wait(wait, signal) : await this.#pollWithin(left, promptId, signal);
      if (polled) return polled;
    }
  }

  /** Repeats a request about the prompt for as long as the instance may be busy. */
  patiently<T>(request: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return this.#patience.request(request, signal);
  }

  /**
   * Waits until the history entry of a prompt that ended must exist, so that it can be deleted for good:
   * `executing {node: null}` comes after it, `execution_success` before it (protocol trap 2).
   */
  async leftQueue(maxMs: number, signal: AbortSignal): Promise<void> {
    await withDeadline(maxMs, signal, async (deadline) => {
      while (this.#hasSocket && !this.#following.tracker.hasLeftQueue && !deadline.aborted) {
        await this.#bell.wait(maxMs, deadline);
      }
    });
  }

  /** Whether even the polls of a quiet prompt have had no answer for a while. */
  get #isSilent(): boolean {
    return this.#patience.silentMs > MISSED_POLLS * this.#following.timings.quietPollMs;
  }

  /** What was seen in the queue until now says nothing any more. */
  #suspectLoss(): void {
    this.#nextQueueCheck = 0;
    this.#oldestLook = performance.now();
  }

  #putOffPoll(): void {
    const { quietPollMs, lostPollMs } = this.#following.timings;
    this.#nextPoll = performance.now() + (this.#hasSocket ? quietPollMs : lostPollMs);
  }

  /** A poll that is given up when a limit of the prompt is reached meanwhile. */
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
      const outcome = (await this.#askHistory(promptId, signal)) ?? (await this.#askQueue(promptId, signal));
      this.#patience.heard();
      return outcome;
    } catch (error) {
      await this.#patience.failed(error, signal);
      this.#suspectLoss();
      return undefined;
    }
  }

  async #askHistory(promptId: string, signal: AbortSignal): Promise<PromptOutcome | undefined> {
    const { client, outputNodes, tracker, socket } = this.#following;
    const entry = await client.prompts.historyEntry(promptId, signal);
    if (!entry) return undefined;
    // Finished, and the socket never said so: it is deaf (protocol trap 3) and would be for the next prompt too.
    if (this.#hasSocket && !tracker.outcome) socket?.terminate();
    return outcomeOfHistory(entry, outputNodes, tracker.blockedBecause);
  }

  /** Neither pending nor running nor in the history: the server lost it, as after a restart. */
  async #askQueue(promptId: string, signal: AbortSignal): Promise<PromptOutcome | undefined> {
    const now = performance.now();
    if (now < this.#nextQueueCheck) return undefined;
    const { client, timings } = this.#following;
    // One that another prompt's follower took will do, if it is not too old.
    const since = Math.max(this.#oldestLook, now - timings.queueCheckMs / 2);
    const { running, pending } = await client.prompts.queue(signal, since);
    this.#nextQueueCheck = performance.now() + timings.queueCheckMs;
    if (running.includes(promptId)) this.#clock.start();
    if (running.includes(promptId) || pending.includes(promptId)) return undefined;
    // It may have ended between the two responses.
    return (await this.#askHistory(promptId, signal)) ?? (await this.#lost(promptId, signal));
  }

  async #awaitHistory(promptId: string, signal: AbortSignal): Promise<PromptOutcome> {
    const { historyRetryMs, historyPatienceMs } = this.#following.timings;
    const deadline = performance.now() + historyPatienceMs;
    for (let wait = historyRetryMs; ; wait *= 2) {
      const { client, outputNodes, tracker } = this.#following;
      const entry = await this.patiently(() => client.prompts.historyEntry(promptId, signal), signal);
      if (entry) return outcomeOfHistory(entry, outputNodes, tracker.blockedBecause);
      if (performance.now() + wait > deadline) return this.#lost(promptId, signal);
      await sleep(wait, signal);
      signal.throwIfAborted();
    }
  }

  /** A restarted machine lost the prompt. One of several machines behind the same address still has it. */
  async #lost(promptId: string, signal: AbortSignal): Promise<PromptOutcome> {
    const { client } = this.#following;
    const { host } = client.address;
    const isElsewhere = await severalMachines(client, (other) => other.prompts.knows(promptId, signal));
    const error = isElsewhere
      ? new PromptError(
          'several machines',
          `${host} is several machines: one has the prompt, another denies it.`,
        )
      : new PromptError('prompt lost', `${host} lost the prompt, as after a restart.`);
    return { kind: 'lost', error };
  }
}
