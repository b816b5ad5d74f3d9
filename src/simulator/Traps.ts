import type { MischiefName, Trap } from './mischief.js';
import type { Moment } from './prompt.js';

/** Waits for a prompt to reach a moment, or for a time to pass, and then starts a fault. */
export class Traps {
  /** The trap that the next matching prompt triggers, once. */
  waiting: Trap | undefined;
  /** The last fault that was started, and when (epoch ms). */
  sprung: { readonly name: MischiefName; readonly time: number } | undefined;
  readonly #misbehave: (name: MischiefName) => Promise<void>;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(misbehave: (name: MischiefName) => Promise<void>) {
    this.#misbehave = misbehave;
  }

  /** Triggers the waiting trap if it matches. Resolves when a fault without a delay has started. */
  async onMoment(moment: Moment, description: string): Promise<void> {
    const trap = this.waiting;
    if (trap?.at !== moment || !description.includes(trap.output)) return;
    this.waiting = undefined;
    if (trap.afterMs === 0) await this.set(trap.name);
    else this.later(trap.afterMs, () => this.set(trap.name));
  }

  /** Starts a fault now. */
  async set(name: MischiefName): Promise<void> {
    this.sprung = { name, time: Date.now() };
    await this.#misbehave(name);
  }

  /** Calls a function later, unless `clear` is called first. */
  later(ms: number, what: () => unknown): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      what();
    }, ms);
    this.#timers.add(timer);
  }

  /** Removes the waiting trap, all timers and the record of the last fault. */
  clear(): void {
    this.waiting = undefined;
    this.sprung = undefined;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
