import { messageOf } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';
import { Repeater } from '../../utils/Repeater.js';
import type { Announcements } from '../queue/Announcements.js';

interface Timings {
  /** Interval of the comparisons, ms. */
  readonly lookMs: number;
  /** How long the comparisons must succeed before one counts, ms. Until then, other servers may not have told their machines. */
  readonly settleMs: number;
  /** Delay before unknown machines are logged, ms: longer than a discovery or a rolling restart of a few servers. */
  readonly logAfterMs: number;
}

const TIMINGS: Timings = { lookMs: 1000, settleMs: 3000, logAfterMs: 120_000 };

interface Parts {
  /** Hosts of the machines of this server. */
  readonly hosts: () => readonly string[];
  /** The hosts of all servers; `undefined` if no other server shares the jobs. */
  readonly known: Announcements | undefined;
}

/**
 * Finds out whether this server knows all machines that other servers know. If not, it must not end a shared job for which it has
 * no machine: another server may have one, because it found a machine first or was restarted with new settings.
 */
export class FleetComparison {
  readonly #parts: Parts;
  readonly #timings: Timings;
  readonly #logger: Logger;
  readonly #looks: Repeater;
  readonly #onComplete: Array<() => void> = [];
  /** The first of the comparisons that succeeded without a break, and the last one; by the monotonic clock. */
  #since = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;
  /** When machines that this server does not know were first seen. */
  #unknownSince: number | undefined;
  #isLogged = false;
  #isComplete: boolean;

  constructor(parts: Parts, logger: Logger, timings: Timings = TIMINGS) {
    this.#parts = parts;
    this.#timings = timings;
    this.#logger = logger;
    this.#isComplete = parts.known === undefined;
    this.#looks = new Repeater(() => this.#look(), timings.lookMs, this.#onError);
  }

  /** Whether this server knew all machines at the last comparison. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Calls `listener` when this server knows all machines again. */
  onComplete(listener: () => void): void {
    this.#onComplete.push(listener);
  }

  /** Compares now, and then every second. Never rejects. */
  async start(): Promise<void> {
    if (!this.#parts.known) return;
    this.#looks.start();
    await this.compare();
  }

  stop(): void {
    this.#looks.stop();
  }

  /**
   * Compares now, and tells the other servers this server's machines. Call it before a shared job is ended, after it was read: whoever
   * accepted the job has told its machines before. Never rejects.
   * @returns whether this server knows all machines; false if Redis does not tell
   */
  async compare(): Promise<boolean> {
    if (this.#parts.known) await this.#looks.now().catch(this.#onError);
    return this.#isComplete;
  }

  async #look(): Promise<void> {
    const { known, hosts } = this.#parts;
    if (!known) return;
    const all = await known.tell(hosts());
    const now = performance.now();
    const { settleMs } = this.#timings;
    if (now - this.#last > settleMs) this.#since = now;
    this.#last = now;
    // What was added while Redis answered counts, too.
    const own = new Set(hosts());
    const unknown = [...all].filter((host) => !own.has(host));
    this.#note(unknown, now);
    const wasComplete = this.#isComplete;
    this.#isComplete = unknown.length === 0 && now - this.#since >= settleMs;
    if (this.#isComplete && !wasComplete) for (const listener of this.#onComplete) listener();
  }

  #note(unknown: readonly string[], now: number): void {
    if (unknown.length === 0) {
      this.#unknownSince = undefined;
      this.#isLogged = false;
      return;
    }
    this.#unknownSince ??= now;
    if (this.#isLogged || now - this.#unknownSince < this.#timings.logAfterMs) return;
    this.#isLogged = true;
    this.#logger.warn('Other servers have machines that this server does not know', { instances: unknown });
  }

  /** The connection logs outages; this is for debugging. */
  readonly #onError = (error: unknown): void => {
    this.#last = Number.NEGATIVE_INFINITY;
    this.#isComplete = false;
    this.#logger.debug('The machines of other servers could not be read', { error: messageOf(error) });
  };
}
