import type { JobQueue, Picker, QueueEntry, Releasable, Taken } from '../../src/services/queue/JobQueue.js';

/** Decides about an entry: the reservation for it, or undefined to leave it waiting. */
export type Choose = (entry: QueueEntry) => Releasable | undefined;

export const PLACE: Releasable = { release: () => undefined };

/** Picks the first entry, in the order of the queue, that `choose` wants. */
class FirstThat implements Picker<Releasable> {
  choose: Choose = () => undefined;
  hidden: ReadonlyMap<string, number> = new Map();
  readonly #again = new Map<string, QueueEntry>();
  readonly #new = new Map<string, QueueEntry>();

  /** In the order of the queue. */
  *waiting(): Iterable<QueueEntry> {
    yield* this.#again.values();
    yield* this.#new.values();
  }

  enter(entry: QueueEntry, isAgain: boolean): void {
    this.leave(entry.id);
    (isAgain ? this.#again : this.#new).set(entry.id, entry);
  }

  leave(id: string): void {
    this.#again.delete(id);
    this.#new.delete(id);
  }

  more(counts: ReadonlyMap<string, number>): void {
    this.hidden = counts;
  }

  pick(): { id: string; chosen: Releasable } | undefined {
    for (const entry of this.waiting()) {
      const chosen = this.choose(entry);
      if (chosen) return { id: entry.id, chosen };
    }
    return undefined;
  }
}

/** One picker for each queue: a queue remembers its pickers. */
const pickers = new WeakMap<JobQueue, FirstThat>();

function pickerOf(queue: JobQueue): FirstThat {
  const picker = pickers.get(queue) ?? new FirstThat();
  pickers.set(queue, picker);
  return picker;
}

/** Takes the first entry that `choose` wants. Default: the first one */
export function takeFirst(
  queue: JobQueue,
  choose: Choose = () => PLACE,
): Promise<Taken<Releasable> | undefined> {
  const picker = pickerOf(queue);
  picker.choose = choose;
  return queue.take(picker);
}

/** The entries that wait, in order; with Redis, those that a server sees. */
export async function waitingIn(queue: JobQueue): Promise<QueueEntry[]> {
  const picker = pickerOf(queue);
  await queue.show(picker);
  return [...picker.waiting()];
}

/** The number of waiting entries of each type, as the queue reports them to a server. */
export async function countsIn(queue: JobQueue): Promise<Map<string, number>> {
  const picker = pickerOf(queue);
  const waiting = await waitingIn(queue);
  const counts = new Map(picker.hidden);
  for (const { type } of waiting) counts.set(type, (counts.get(type) ?? 0) + 1);
  return counts;
}
