import { RankedQueue } from '../../utils/RankedQueue.js';

/** A pending job as the processor needs it to choose. */
export interface QueueEntry {
  readonly id: string;
  readonly type: string;
  /** Bytes of its files: all together, and of the largest one. */
  readonly bytes: number;
  readonly largest: number;
  /** Hosts that failed it. */
  readonly tried: ReadonlySet<string>;
}

/** Pending jobs, first in first out; one that comes back for another try goes before the new ones. */
export class PendingQueue {
  readonly #back = new RankedQueue<QueueEntry>();
  readonly #fresh = new RankedQueue<QueueEntry>();
  #bytes = 0;

  get size(): number {
    return this.#back.size + this.#fresh.size;
  }

  /** Bytes of the uploads that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  push(entry: QueueEntry): void {
    this.#add(this.#fresh, entry);
  }

  putBack(entry: QueueEntry): void {
    this.#add(this.#back, entry);
  }

  remove(id: string): QueueEntry | undefined {
    const entry = this.#back.remove(id) ?? this.#fresh.remove(id);
    if (entry) this.#bytes -= entry.bytes;
    return entry;
  }

  /** 1 for the next one; 0 when the job does not wait. */
  position(id: string): number {
    const back = this.#back.rank(id);
    if (back > 0) return back;
    const fresh = this.#fresh.rank(id);
    return fresh > 0 ? this.#back.size + fresh : 0;
  }

  *entries(): Generator<QueueEntry> {
    yield* this.#back.values();
    yield* this.#fresh.values();
  }

  #add(queue: RankedQueue<QueueEntry>, entry: QueueEntry): void {
    this.remove(entry.id);
    queue.push(entry.id, entry);
    this.#bytes += entry.bytes;
  }
}
