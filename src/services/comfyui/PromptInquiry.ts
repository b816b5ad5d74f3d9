import { sleep } from '../../utils/timers.js';
import type { ComfyClient } from './ComfyClient.js';
import type { MachineListener } from './machineMessages.js';
import { missedMessages } from './missedMessages.js';
import type { Patience } from './Patience.js';
import type { PromptClock } from './PromptClock.js';
import type { FoundEntry } from './PromptQueries.js';
import { outcomeOfHistory, type PromptOutcome, type PromptTracker } from './promptTracker.js';
import { SilentEnds } from './SilentEnds.js';

/** Timing of questions about a prompt; milliseconds. */
export interface InquiryTimings {
  /** Interval of queue requests, whose response contains every queued prompt. */
  readonly queueCheckMs: number;
  /** First wait for a missing history entry after the run's end; doubled each time. */
  readonly historyRetryMs: number;
  /** Maximum wait for such an entry. */
  readonly historyPatienceMs: number;
}

interface Subject {
  readonly client: ComfyClient;
  readonly tracker: PromptTracker;
  readonly outputNodes: readonly string[];
  readonly machine: MachineListener;
  readonly timings: InquiryTimings;
  readonly patience: Patience;
  readonly clock: PromptClock;
  /** How long the prompt may wait in the instance's queue, ms. */
  readonly queueMs: number;
  /** Called if the prompt has ended without a message. */
  onUnheard(): void;
}

/** Asks an instance about one prompt: for its history entry, and for its place in the queue. */
export class PromptInquiry {
  readonly #subject: Subject;
  readonly #silentEnds: SilentEnds;
  #nextQueueCheck: number;
  /** `performance.now()` of the oldest queue response that is relevant to this prompt. */
  #oldestLook = 0;

  constructor(subject: Subject) {
    this.#subject = subject;
    this.#silentEnds = new SilentEnds(subject.client, subject.queueMs);
    this.#nextQueueCheck = performance.now() + subject.timings.queueCheckMs;
  }

  /** ComfyUI accepted the prompt: in earlier queue responses it may be missing. */
  submitted(): void {
    this.#oldestLook = performance.now();
  }

  /** The prompt may be lost: the next question includes the queue, and earlier responses are no longer relevant. */
  suspectLoss(): void {
    this.#nextQueueCheck = 0;
    this.#oldestLook = performance.now();
  }

  /**
   * @returns the prompt's end according to its history entry, or to the queue if it is time to ask; undefined if it has not ended
   * @throws PromptError if the instance does not respond, or the signal's reason
   */
  async outcome(promptId: string, signal: AbortSignal): Promise<PromptOutcome | undefined> {
    return (await this.finished(promptId, signal)) ?? (await this.#askQueue(promptId, signal));
  }

  /**
   * @returns the prompt's end according to its history entry, if it has one
   * @throws like `outcome`
   */
  async finished(promptId: string, signal: AbortSignal): Promise<PromptOutcome | undefined> {
    const { client, tracker, onUnheard } = this.#subject;
    const entry = await client.prompts.historyEntry(promptId, signal);
    if (!entry) return undefined;
    if (!tracker.outcome) onUnheard();
    return this.#outcomeOf(promptId, entry);
  }

  /**
   * Waits for the history entry of a prompt that has ended.
   * @throws like `outcome`
   */
  async awaitHistory(promptId: string, signal: AbortSignal): Promise<PromptOutcome> {
    const { client, patience, timings } = this.#subject;
    const deadline = performance.now() + timings.historyPatienceMs;
    for (let wait = timings.historyRetryMs; ; wait *= 2) {
      const ask = () => client.prompts.historyEntry(promptId, signal);
      const entry = await patience.request(ask, signal);
      if (entry) return this.#outcomeOf(promptId, entry);
      if (performance.now() + wait > deadline) return this.#missing(promptId, signal);
      await sleep(wait, signal);
      signal.throwIfAborted();
    }
  }

  /** Removes the prompt from the instance's queue: see `SilentEnds.withdraw`. */
  withdraw(promptId: string, signal: AbortSignal): ReturnType<SilentEnds['withdraw']> {
    return this.#silentEnds.withdraw(promptId, signal);
  }

  /** The outcome in a history entry. Reports the outputs whose messages were missed. */
  #outcomeOf(promptId: string, entry: FoundEntry): PromptOutcome {
    const { outputNodes, tracker, machine } = this.#subject;
    for (const message of missedMessages(promptId, entry, tracker.reported)) machine.onMessage(message);
    return outcomeOfHistory(entry, outputNodes, tracker);
  }

  async #askQueue(promptId: string, signal: AbortSignal): Promise<PromptOutcome | undefined> {
    const now = performance.now();
    if (now < this.#nextQueueCheck) return undefined;
    const { client, clock, timings } = this.#subject;
    // A response that another prompt's follower requested is fine if it is not too old.
    const since = Math.max(this.#oldestLook, now - timings.queueCheckMs / 2);
    const { running, pending } = await client.prompts.queue(signal, since);
    this.#nextQueueCheck = performance.now() + timings.queueCheckMs;
    if (running.includes(promptId)) clock.start();
    if (running.includes(promptId) || pending.includes(promptId)) return undefined;
    // It may have ended between the two responses.
    return (await this.finished(promptId, signal)) ?? (await this.#missing(promptId, signal));
  }

  /** The end of a prompt that is neither pending nor running nor in the history. */
  #missing(promptId: string, signal: AbortSignal): Promise<PromptOutcome> {
    return this.#silentEnds.missing(promptId, this.#subject.clock.executionMs !== undefined, signal);
  }
}
