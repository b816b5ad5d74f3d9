import { RankedQueue } from '../../../utils/RankedQueue.js';
import type { JobQueue, Picker, QueueEntry, QueueSize, Releasable, Taken } from '../JobQueue.js';

/** A queue in this process's memory. */
export class MemoryJobQueue implements JobQueue {
  readonly #back = new RankedQueue<QueueEntry>();
  readonly #new = new RankedQueue<QueueEntry>();
  /** Pickers that know all waiting entries. */
  readonly #pickers = new Set<Picker<Releasable>>();
  readonly #listeners = new Set<() => void>();
  #bytes = 0;

  async add(entry: QueueEntry): Promise<number> {
    this.#takeOut(entry.id);
    this.#new.push(entry.id, entry);
    this.#bytes += entry.bytes;
    this.#tellWaiting(entry, false);
    return this.#jobs;
  }

  async remove(id: string): Promise<boolean> {
    return this.#takeOut(id) !== undefined;
  }

  async size(): Promise<QueueSize> {
    return { jobs: this.#jobs, bytes: this.#bytes };
  }

  async position(id: string): Promise<number> {
    const back = this.#back.rank(id);
    if (back > 0) return back;
    const rank = this.#new.rank(id);
    return rank > 0 ? this.#back.size + rank : 0;
  }

  async take<T extends Releasable>(picker: Picker<T>): Promise<Taken<T> | undefined> {
    await this.show(picker);
    const picked = picker.pick();
    const entry = picked && this.#takeOut(picked.id);
    if (!entry) picked?.chosen.release();
    return entry && this.#held(entry, picked.chosen);
  }

  async show(picker: Picker<Releasable>): Promise<void> {
    if (this.#pickers.has(picker)) return;
    this.#pickers.add(picker);
    for (const entry of this.#back.values()) picker.enter(entry, true);
    for (const entry of this.#new.values()) picker.enter(entry, false);
  }

  onWaiting(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  get #jobs(): number {
    return this.#back.size + this.#new.size;
  }

  #held<T extends Releasable>(entry: QueueEntry, chosen: T): Taken<T> {
    let isHeld = true;
    return {
      entry,
      chosen,
      done: async () => {
        isHeld = false;
      },
      putBack: async (changed = entry) => {
        if (isHeld) this.#putBack(changed);
        isHeld = false;
      },
    };
  }

  #putBack(entry: QueueEntry): void {
    this.#takeOut(entry.id);
    this.#back.push(entry.id, entry);
    this.#bytes += entry.bytes;
    this.#tellWaiting(entry, true);
  }

  /** @returns `undefined` if the entry was not waiting */
  #takeOut(id: string): QueueEntry | undefined {
    const entry = this.#new.remove(id) ?? this.#back.remove(id);
    if (!entry) return undefined;
    this.#bytes -= entry.bytes;
    for (const picker of this.#pickers) picker.leave(id);
    return entry;
  }

  #tellWaiting(entry: QueueEntry, isAgain: boolean): void {
    for (const picker of this.#pickers) picker.enter(entry, isAgain);
    for (const listener of this.#listeners) listener();
  }
}
