import { RankedQueue } from '../../utils/RankedQueue.js';
/** Pending jobs, first in first out; one that comes back for another try goes before the new ones. */
export class PendingQueue {
    #back = new RankedQueue();
    #fresh = new RankedQueue();
    #bytes = 0;
    get size() {
        return this.#back.size + this.#fresh.size;
    }
    /** Bytes of the uploads that wait. */
    get bytes() {
        return this.#bytes;
    }
    push(entry) {
        this.#add(this.#fresh, entry);
    }
    putBack(entry) {
        this.#add(this.#back, entry);
    }
    remove(id) {
        const entry = this.#back.remove(id) ?? this.#fresh.remove(id);
        if (entry)
            this.#bytes -= entry.bytes;
        return entry;
    }
    /** 1 for the next one; 0 when the job does not wait. */
    position(id) {
        const back = this.#back.rank(id);
        if (back > 0)
            return back;
        const fresh = this.#fresh.rank(id);
        return fresh > 0 ? this.#back.size + fresh : 0;
    }
    *entries() {
        yield* this.#back.values();
        yield* this.#fresh.values();
    }
    #add(queue, entry) {
        this.remove(entry.id);
        queue.push(entry.id, entry);
        this.#bytes += entry.bytes;
    }
}
//# sourceMappingURL=PendingQueue.js.map