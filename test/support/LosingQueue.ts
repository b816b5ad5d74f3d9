import type { Picker, QueueEntry, Releasable, Taken } from '../../src/services/queue/JobQueue.js';
import { MemoryJobQueue } from '../../src/services/queue/memory/MemoryJobQueue.js';

/** Its holds can be lost, like those of a server that was paused, or without Redis, for longer than they last. */
export class LosingQueue extends MemoryJobQueue {
  /** While set, entries cannot be put back. */
  failsToPutBack = false;
  /** Number of attempts to put an entry back. */
  putBacks = 0;
  readonly #holds = new Map<string, { readonly entry: QueueEntry; isLost: boolean }>();

  override async take<T extends Releasable>(picker: Picker<T>): Promise<Taken<T> | undefined> {
    const taken = await super.take(picker);
    if (!taken) return undefined;
    const hold = { entry: taken.entry, isLost: false };
    this.#holds.set(taken.entry.id, hold);
    return {
      ...taken,
      renew: async () => !hold.isLost,
      done: async () => {
        if (!hold.isLost) await taken.done();
      },
      putBack: async (changed) => {
        this.putBacks += 1;
        if (this.failsToPutBack) throw new Error('the queue is away');
        if (!hold.isLost) await taken.putBack(changed);
      },
    };
  }

  /** The entry waits again, as it was when it was taken. */
  async lose(id: string): Promise<void> {
    const hold = this.#holds.get(id);
    if (!hold) throw new Error('not held');
    hold.isLost = true;
    await this.add(hold.entry);
  }
}
