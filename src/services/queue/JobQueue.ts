import type { GraphNeeds } from '../../workflows/graphNeeds.js';

/** A pending job, with what is needed to choose whether it can run now. Plain data: it may be kept by another process. */
export interface QueueEntry {
  /** Of the job. */
  readonly id: string;
  /** Workflow type. */
  readonly type: string;
  /** Bytes of its files: all together, and of the largest one. */
  readonly bytes: number;
  readonly largest: number;
  /** Hosts that failed it; an entry without any is new. */
  readonly tried: ReadonlySet<string>;
  /** Of a client's own graph: what a machine must have. */
  readonly needs?: GraphNeeds | undefined;
  /** Whom turns are counted for; undefined where nobody is known, as are those of an older server. */
  readonly client?: string | undefined;
  /** Higher ones first; 0 where there is none. */
  readonly priority?: number | undefined;
  /** It must be begun by then, epoch ms. */
  readonly deadline?: number | undefined;
  /** When its job was made, epoch ms. */
  readonly since?: number | undefined;
}

export interface QueueSize {
  /** Entries that wait. */
  readonly jobs: number;
  /** Bytes of their files. */
  readonly bytes: number;
}

/** What an entry is taken with: usually a place on a machine. */
export interface Releasable {
  release(): void;
}

/**
 * Looks at a waiting entry.
 * @returns what it is taken with; or that it must wait; or that all new entries of its type must, whatever their size
 */
export type Choose<T extends Releasable> = (entry: QueueEntry) => T | 'not now' | 'none of its type';

/**
 * Chooses among everything that waits, and keeps in mind what that is. A queue tells it before it asks. One that cannot
 * see everything tells what it sees of each type.
 */
export interface Picker<T extends Releasable> {
  /** An entry waits, perhaps in place of one with the same id. @param isAgain it was put back, and goes before new ones */
  enter(entry: QueueEntry, isAgain: boolean): void;
  /** An entry is not seen waiting any more; nothing happens when it never was. */
  leave(id: string): void;
  /** @returns the entry that is to be handed out and what it is taken with; undefined for none now */
  pick(): { readonly id: string; readonly chosen: T } | undefined;
}

/**
 * An entry that is out of the queue and held by this server, until one of the two is called. Calls after the first do
 * nothing.
 */
export interface Taken<T extends Releasable> {
  readonly entry: QueueEntry;
  /** What `choose` returned for it. Whoever took the entry releases it. */
  readonly chosen: T;
  /** The entry is done with: its job has ended, and its record says so. */
  done(): Promise<void>;
  /** Lets it wait again, before all new entries. @param changed the entry as it is to be now; as it was when left out */
  putBack(changed?: QueueEntry): Promise<void>;
}

/**
 * Jobs that wait for a machine: first in first out over all types, and what is put back goes first. Servers may share one.
 * The queue is not the truth about a job, its record is: an entry may outlive its job, and whoever takes it finds out.
 *
 * What an implementation guarantees:
 * - An entry is handed out to one server only. It is that server's until `done` or `putBack`; the implementation keeps its
 *   hold alive by itself (renews a lock), and gives the entry to others only when the server is gone.
 * - What `add` and `putBack` were given is not lost, once they resolved, by anything that the implementation survives.
 * - Every call settles in bounded time. One that rejects may have been carried out.
 */
export interface JobQueue {
  /**
   * Lets an entry wait behind all others. One with the same id that waits already is replaced.
   * @returns how many entries wait then
   */
  add(entry: QueueEntry): Promise<number>;
  /** Takes a waiting entry out for good. @returns whether it waited; false also when somebody has taken it */
  remove(id: string): Promise<boolean>;
  size(): Promise<QueueSize>;
  /** 1 for the entry that is next; 0 when the job does not wait. Cheap, however many wait. */
  position(id: string): Promise<number>;
  /**
   * Hands out the first entry for which `choose` returns something. It is asked in order; an entry that must wait
   * holds up no entry of another type. After 'none of its type' it is not asked about new entries of that type again, so
   * that a look past very many of them costs no more than one past a few. An implementation with a lane for each type
   * need not look far behind an entry that must wait.
   * @param choose is quick, and changes nothing in the queue. What it returned and is not handed out, since another server was
   *   faster or the call fails, the implementation releases
   *
   * A picker chooses in no order but its own.
   * @returns undefined when nothing that waits can be taken now
   */
  take<T extends Releasable>(choose: Choose<T> | Picker<T>): Promise<Taken<T> | undefined>;
  /**
   * Calls `listener` when there is something new to take, whichever server added it or put it back. It may be called
   * too often, and an implementation that cannot always notice calls it every few seconds.
   * @returns what ends it
   */
  onWaiting(listener: () => void): () => void;
}
