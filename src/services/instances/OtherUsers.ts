import { messageOf } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';
import type { Instance } from './Instance.js';

export interface OtherUsersOptions {
  /** Delay between a status message of a machine and the look at its queue, ms. */
  readonly settleMs: number;
  /** Minimum interval between two looks at the queue of one machine, ms. */
  readonly lookMs: number;
}

interface Parts {
  readonly instances: readonly Instance[];
  /** Marks the prompts of this server. */
  readonly serverId: string;
  /** Other servers that share the queue; `undefined` with a single server. */
  readonly servers: { jobsOn(host: string): number } | undefined;
}

/** What is known about the queue of one machine. */
interface QueueOf {
  /** Number of prompts that it last reported, of all users. */
  remaining: number;
  /** Number of prompts of others at the last look. */
  others: number;
  lastLook: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Counts the prompts in the machines' queues that none of the servers submitted. A machine reports how many prompts it
 * has (`status` messages), but not whose. Subtracting the servers' jobs would be wrong while one of them is being
 * uploaded, or has ended here. So if there are more prompts than jobs, `GET /queue` is read, where each prompt has the
 * mark of its server. That response contains every graph, so it is requested rarely, and never from a machine that only
 * the servers use.
 */
export class OtherUsers {
  readonly #parts: Parts;
  readonly #options: OtherUsersOptions;
  readonly #logger: Logger;
  readonly #queues = new Map<Instance, QueueOf>();
  readonly #onFewer: Array<() => void> = [];
  readonly #stopped = new AbortController();

  constructor(parts: Parts, options: OtherUsersOptions, logger: Logger) {
    this.#parts = parts;
    this.#options = options;
    this.#logger = logger;
  }

  /** Calls `listener` when a machine has fewer prompts of others. */
  onFewer(listener: () => void): void {
    this.#onFewer.push(listener);
  }

  /** Returns the number of prompts of others in a machine's queue, as far as known. */
  promptsOn(instance: Instance): number {
    return this.#queues.get(instance)?.others ?? 0;
  }

  /** Handles the number of prompts that a machine reported. */
  heard(host: string, remaining: number): void {
    const instance = this.#parts.instances.find((one) => one.host === host);
    if (!instance) return;
    const queue = this.#queueOf(instance);
    queue.remaining = remaining;
    if (queue.others > remaining) this.#set(queue, remaining);
    this.#lookSoon(instance, queue);
  }

  /** Forgets the queue of a machine whose status messages have stopped. */
  forget(host: string): void {
    for (const [instance, queue] of this.#queues) {
      if (instance.host !== host) continue;
      queue.remaining = 0;
      this.#set(queue, 0);
    }
  }

  /** Forgets a removed instance. */
  leave(instance: Instance): void {
    clearTimeout(this.#queues.get(instance)?.timer);
    this.#queues.delete(instance);
  }

  stop(): void {
    this.#stopped.abort();
    for (const { timer } of this.#queues.values()) clearTimeout(timer);
  }

  #lookSoon(instance: Instance, queue: QueueOf): void {
    if (queue.timer || this.#stopped.signal.aborted || !this.#isOfUse(instance, queue)) return;
    const { settleMs, lookMs } = this.#options;
    const wait = Math.max(settleMs, queue.lastLook + lookMs - performance.now());
    queue.timer = setTimeout(() => void this.#look(instance, queue), wait);
  }

  /** Returns whether some prompts may be of others, or prompts of others may be gone. */
  #isOfUse(instance: Instance, { remaining, others }: QueueOf): boolean {
    const ours = instance.activeJobs + this.#jobsOfServers(instance);
    return remaining > 0 && (others > 0 || remaining > ours);
  }

  async #look(instance: Instance, queue: QueueOf): Promise<void> {
    queue.timer = undefined;
    queue.lastLook = performance.now();
    try {
      if (!this.#isOfUse(instance, queue)) return;
      const prompts = await instance.client.prompts.queuedPrompts(this.#stopped.signal);
      const { serverId } = this.#parts;
      const foreign = prompts.filter((one) => one.serverId !== serverId);
      const unmarked = foreign.filter((one) => one.serverId === undefined).length;
      // Servers that use the same machine without sharing the queue mark their prompts too.
      const strange = Math.max(0, foreign.length - unmarked - this.#jobsOfServers(instance));
      this.#set(queue, unmarked + strange);
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      this.#logger.debug('Queue could not be looked at', {
        instance: instance.host,
        error: messageOf(error),
      });
    }
  }

  #set(queue: QueueOf, others: number): void {
    const before = queue.others;
    queue.others = others;
    if (others < before) for (const listener of this.#onFewer) listener();
  }

  #jobsOfServers({ host }: Instance): number {
    return this.#parts.servers?.jobsOn(host) ?? 0;
  }

  #queueOf(instance: Instance): QueueOf {
    const queue = this.#queues.get(instance) ?? {
      remaining: 0,
      others: 0,
      lastLook: Number.NEGATIVE_INFINITY,
      timer: undefined,
    };
    this.#queues.set(instance, queue);
    return queue;
  }
}
