import { RankedSet } from '../../utils/RankedSet.js';

/** A pending job as the processor needs it to choose. */
export interface QueueEntry {
  readonly id: string;
  readonly type: string;
  /** Bytes of its upload. */
  readonly bytes: number;
  /** Hosts that failed it. */
  readonly tried: ReadonlySet<string>;
}

/** Pending jobs, first in first out; one that comes back for another try goes before the new ones. */
export class PendingQueue {
  readonly #back = new Map<string, QueueEntry>();
  readonly #fresh = new Map<string, QueueEntry>();
  readonly #backRanks = new RankedSet();
  readonly #freshRanks = new RankedSet();
  #bytes = 0;

  get size(): number {
    return this.#back.size + this.#fresh.size;
  }

  /** Bytes of the uploads that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  push(entry: QueueEntry): void {
    this.#add(this.#fresh, this.#freshRanks, entry);
  }

  putBack(entry: QueueEntry): void {
    this.#add(this.#back, this.#backRanks, entry);
  }

  remove(id: string): QueueEntry | undefined {
    const entry = this.#back.get(id) ?? this.#fresh.get(id);
    if (!entry) return undefined;
    this.#back.delete(id);
    this.#fresh.delete(id);
    this.#backRanks.delete(id);
    this.#freshRanks.delete(id);
    this.#bytes -= entry.bytes;
    return entry;
  }

  /** 1 for the next one; 0 when the job does not wait. */
  position(id: string): number {
    const back = this.#backRanks.rank(id);
    if (back > 0) return back;
    const fresh = this.#freshRanks.rank(id);
    return fresh > 0 ? this.#backRanks.size + fresh : 0;
  }

  *entries(): Generator<QueueEntry> {
    yield* this.#back.values();
    yield* this.#fresh.values();
  }

  #add(queue: Map<string, QueueEntry>, ranks: RankedSet, entry: QueueEntry): void {
    this.remove(entry.id);
    ranks.add(entry.id);
    queue.set(entry.id, entry);
    this.#bytes += entry.bytes;
  }
}
