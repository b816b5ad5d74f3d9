import type { MischiefName, Trap } from './mischief.js';
import type { Moment } from './prompt.js';

/** Mischief that waits: for a prompt to come to a moment, and for some time to pass. */
export class Traps {
  /** What the next prompt that comes to its moment sets off, once. */
  waiting: Trap | undefined;
  /** The mischief that was set off last, and when (epoch ms). */
  sprung: { readonly name: MischiefName; readonly time: number } | undefined;
  readonly #misbehave: (name: MischiefName) => Promise<void>;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(misbehave: (name: MischiefName) => Promise<void>) {
    this.#misbehave = misbehave;
  }

  /** Something came to a moment that a trap may wait for; resolves when what it set off at once is done. */
  async onMoment(moment: Moment, description: string): Promise<void> {
    const trap = this.waiting;
    if (trap?.at !== moment || !description.includes(trap.output)) return;
    this.waiting = undefined;
    if (trap.afterMs === 0) await this.set(trap.name);
    else this.later(trap.afterMs, () => this.set(trap.name));
  }

  /** Sets mischief off now. */
  async set(name: MischiefName): Promise<void> {
    this.sprung = { name, time: Date.now() };
    await this.#misbehave(name);
  }

  /** Does something later unless `clear` comes first. */
  later(ms: number, what: () => unknown): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      what();
    }, ms);
    this.#timers.add(timer);
  }

  /** Forgets everything that waits, and what there was. */
  clear(): void {
    this.waiting = undefined;
    this.sprung = undefined;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
