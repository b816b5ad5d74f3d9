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
    const entry = this.#back.get(id) ?? this.#fresh.get(id);
    if (!entry) return undefined;
    this.#back.delete(id);
    this.#fresh.delete(id);
    this.#bytes -= entry.bytes;
    return entry;
  }

  /** 1 for the next one; 0 when the job does not wait. */
  position(id: string): number {
    let position = 0;
    for (const entry of this.entries()) {
      position += 1;
      if (entry.id === id) return position;
    }
    return 0;
  }

  *entries(): Generator<QueueEntry> {
    yield* this.#back.values();
    yield* this.#fresh.values();
  }

  #add(queue: Map<string, QueueEntry>, entry: QueueEntry): void {
    this.remove(entry.id);
    queue.set(entry.id, entry);
    this.#bytes += entry.bytes;
  }
}
