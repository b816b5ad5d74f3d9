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
export declare class PendingQueue {
    #private;
    get size(): number;
    /** Bytes of the uploads that wait. */
    get bytes(): number;
    push(entry: QueueEntry): void;
    putBack(entry: QueueEntry): void;
    remove(id: string): QueueEntry | undefined;
    /** 1 for the next one; 0 when the job does not wait. */
    position(id: string): number;
    entries(): Generator<QueueEntry>;
}
