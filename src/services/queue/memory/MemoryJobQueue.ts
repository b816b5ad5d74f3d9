import { RankedQueue } from '../../../utils/RankedQueue.js';
import type { Choose, JobQueue, Picker, QueueEntry, QueueSize, Releasable, Taken } from '../JobQueue.js';

/** A new entry in the linked list of its type. */
interface Waiting {
  readonly entry: QueueEntry;
  /** Increases from entry to entry, over all types. */
  readonly order: number;
  previous: Waiting | undefined;
  next: Waiting | undefined;
}

/** New entries of one type. */
interface Lane {
  first: Waiting;
  last: Waiting;
}

/** A queue in this process's memory. */
export class MemoryJobQueue implements JobQueue {
  readonly #back = new RankedQueue<QueueEntry>();
  readonly #new = new RankedQueue<Waiting>();
  /** By type; none is empty. */
  readonly #lanes = new Map<string, Lane>();
  /** Pickers that know all waiting entries. */
  readonly #pickers = new Set<Picker<Releasable>>();
  readonly #listeners = new Set<() => void>();
  #bytes = 0;
  #added = 0;

  async add(entry: QueueEntry): Promise<number> {
    this.#takeOut(entry.id);
    this.#added += 1;
    const lane = this.#lanes.get(entry.type);
    const waiting = { entry, order: this.#added, previous: lane?.last, next: undefined };
    this.#new.push(entry.id, waiting);
    if (lane) {
      lane.last.next = waiting;
      lane.last = waiting;
    } else this.#lanes.set(entry.type, { first: waiting, last: waiting });
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

  async take<T extends Releasable>(choose: Choose<T> | Picker<T>): Promise<Taken<T> | undefined> {
    if (typeof choose !== 'function') return this.#pick(choose);
    for (const entry of this.#back.values()) {
      const choice = choose(entry);
      if (typeof choice !== 'string') return this.#handOut(entry, choice);
    }
    return this.#takeNew(choose);
  }

  onWaiting(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  get #jobs(): number {
    return this.#back.size + this.#new.size;
  }

  #pick<T extends Releasable>(picker: Picker<T>): Taken<T> | undefined {
    if (!this.#pickers.has(picker)) {
      this.#pickers.add(picker);
      for (const entry of this.#back.values()) picker.enter(entry, true);
      for (const { entry } of this.#new.values()) picker.enter(entry, false);
    }
    const picked = picker.pick();
    const entry = picked && this.#takeOut(picked.id);
    if (!entry) picked?.chosen.release();
    return entry && this.#held(entry, picked.chosen);
  }

  #takeNew<T extends Releasable>(choose: Choose<T>): Taken<T> | undefined {
    /** Next candidate of each type that is not skipped. */
    const next: Waiting[] = [];
    for (const { first } of this.#lanes.values()) next.push(first);
    while (next.length > 0) {
      const at = indexOfOldest(next);
      const waiting = next[at];
      if (!waiting) break;
      const choice = choose(waiting.entry);
      if (typeof choice !== 'string') return this.#handOut(waiting.entry, choice);
      if (choice === 'not now' && waiting.next) next[at] = waiting.next;
      else next.splice(at, 1);
    }
    return undefined;
  }

  #handOut<T extends Releasable>(entry: QueueEntry, chosen: T): Taken<T> {
    this.#takeOut(entry.id);
    return this.#held(entry, chosen);
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
    const waiting = this.#new.remove(id);
    if (waiting) this.#leaveLane(waiting);
    const entry = waiting?.entry ?? this.#back.remove(id);
    if (!entry) return undefined;
    this.#bytes -= entry.bytes;
    for (const picker of this.#pickers) picker.leave(id);
    return entry;
  }

  #leaveLane({ entry: { type }, previous, next }: Waiting): void {
    const lane = this.#lanes.get(type);
    if (previous) previous.next = next;
    else if (lane && next) lane.first = next;
    if (next) next.previous = previous;
    else if (lane && previous) lane.last = previous;
    if (!previous && !next) this.#lanes.delete(type);
  }

  #tellWaiting(entry: QueueEntry, isAgain: boolean): void {
    for (const picker of this.#pickers) picker.enter(entry, isAgain);
    for (const listener of this.#listeners) listener();
  }
}

function indexOfOldest(all: readonly Waiting[]): number {
  let oldest = 0;
  let order = Number.POSITIVE_INFINITY;
  for (let n = 0; n < all.length; n += 1) {
    const candidate = all[n];
    if (!candidate || candidate.order > order) continue;
    oldest = n;
    order = candidate.order;
  }
  return oldest;
}
