import type { GraphNeeds } from '../../workflows/graphNeeds.js';

/** A pending job, with the data that decides whether it can run now. Plain data: another process may store it. */
export interface QueueEntry {
  /** Id of the job. */
  readonly id: string;
  /** Workflow type. */
  readonly type: string;
  /** Size of its files, bytes: all together, and the largest one. */
  readonly bytes: number;
  readonly largest: number;
  /** Hosts that failed it; empty for a new entry. */
  readonly tried: ReadonlySet<string>;
  /** Client whose turns it counts for; `undefined` if unknown, as in entries of older servers. */
  readonly client?: string | undefined;
  /** Higher first. Default: 0. */
  readonly priority?: number | undefined;
  /** Latest start time, epoch ms. */
  readonly deadline?: number | undefined;
  /** Creation time of its job, epoch ms. */
  readonly since?: number | undefined;
  /** What a machine must have for the client's own graph. */
  readonly needs?: GraphNeeds | undefined;
}

export interface QueueSize {
  /** Number of waiting entries. */
  readonly jobs: number;
  /** Size of their files, bytes. */
  readonly bytes: number;
}

/** Reserved for an entry: usually a slot on a machine. */
export interface Releasable {
  release(): void;
}

/**
 * Chooses among all waiting entries, which it remembers. A queue reports changes to it before it asks. A queue that
 * cannot see all entries reports those that it sees of each type.
 */
export interface Picker<T extends Releasable> {
  /**
   * Adds a waiting entry, or replaces the one with the same id.
   * @param isAgain whether it was put back: it goes before new entries
   */
  enter(entry: QueueEntry, isAgain: boolean): void;
  /** Removes an entry that is no longer waiting. Does nothing for an unknown one. */
  leave(id: string): void;
  /** Reports how many entries wait in addition to the reported ones, by type. A queue that sees all entries never calls it. */
  more(counts: ReadonlyMap<string, number>): void;
  /** @returns the next entry, which then leaves, and the reservation for it; `undefined` for none now */
  pick(): { readonly id: string; readonly chosen: T } | undefined;
}

/** An entry that this server took from the queue and holds until one of the two methods is called. Later calls do nothing. */
export interface Taken<T extends Releasable> {
  readonly entry: QueueEntry;
  /** The reservation of the picker. The caller of `take` releases it. */
  readonly chosen: T;
  /**
   * Renews the hold, in one round trip. A queue that no other server uses does not have this.
   * @returns whether this server holds the entry; if so, no other one gets it before a hold expires
   * @throws the rejection of the queue
   */
  renew?(): Promise<boolean>;
  /** Ends the entry: its job has ended, and its record is updated. */
  done(): Promise<void>;
  /** Puts the entry back, before all new ones. @param changed new version of the entry. Default: unchanged */
  putBack(changed?: QueueEntry): Promise<void>;
}

/**
 * Jobs that wait for a machine: first in, first out over all types, and entries that are put back go first. Servers may
 * share a queue. The record of a job is authoritative, not the queue: an entry may outlive its job, and its taker must
 * check.
 *
 * An implementation guarantees:
 * - An entry is handed out to one server only, which holds it until `done` or `putBack`. The implementation keeps the
 *   hold alive (renews a lock), and hands the entry to others only if the server is gone.
 * - After `add` and `putBack` have resolved, the entry survives everything that the implementation survives.
 * - Every call settles in bounded time. A call that rejects may have been executed.
 */
export interface JobQueue {
  /**
   * Adds an entry behind all others. Replaces a waiting one with the same id.
   * @returns the number of waiting entries
   */
  add(entry: QueueEntry): Promise<number>;
  /** Removes a waiting entry. @returns whether it was waiting; false also if it was taken */
  remove(id: string): Promise<boolean>;
  size(): Promise<QueueSize>;
  /** Returns the position: 1 for the next entry; 0 if the job is not waiting. Cheap, however many entries wait. */
  position(id: string): Promise<number>;
  /**
   * Hands out the entry that the picker chooses, from any place in the queue. An implementation with a lane for each type
   * may show the picker only the first entries of each.
   * @param picker fast, and changes nothing in the queue. The implementation releases a reservation that is not handed
   * out, because another server was faster or the call fails
   * @returns `undefined` if no waiting entry can be taken now. If that is because another server was faster, the listeners are
   * called a moment later
   */
  take<T extends Releasable>(picker: Picker<T>): Promise<Taken<T> | undefined>;
  /** Reports the waiting entries to the picker, but takes none: for a server that has no free machine. */
  show(picker: Picker<Releasable>): Promise<void>;
  /**
   * Calls `listener` when there are new entries to take, whichever server added them or put them back. It may be called
   * too often, and an implementation that may miss changes calls it every few seconds.
   * @returns a function that removes it
   */
  onWaiting(listener: () => void): () => void;
  /**
   * Calls `listener` with the id of each job whose waiting entry was damaged and has been removed by this server: the job needs a new
   * one. A queue that cannot be damaged does not have this.
   * @returns a function that removes it
   */
  onLost?(listener: (id: string) => void): () => void;
}
