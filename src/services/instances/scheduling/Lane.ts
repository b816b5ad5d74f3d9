import type { IndexedHeap } from '../../../utils/IndexedHeap.js';
import type { WaitingJob } from './types.js';

/** A waiting job in the linked list of its lane. */
export interface Place {
  readonly job: WaitingJob;
  /** Increases from job to job, in the order of arrival. */
  readonly order: number;
  readonly lane: Lane;
  previous: Place | undefined;
  next: Place | undefined;
}

/** Jobs with the same workflow and models: these decide how long a job takes on a machine. */
export interface Kind {
  readonly key: string;
  readonly workflow: string;
  readonly models: readonly string[];
  /** Its lanes, the next in turn first. */
  readonly turns: IndexedHeap<Lane>;
  /** Lanes with skipped jobs, the next late turn first. */
  readonly passed: IndexedHeap<Lane>;
  /** Number of its waiting jobs. */
  count: number;
}

/** A client, as fair queueing counts it. */
export interface Client {
  readonly id: string;
  /** Machine time, ms, on the scale of fair queueing. The client with the least is next. */
  used: number;
  /** Machine time that a plan adds, ms. */
  planned: number;
  readonly lanes: Set<Lane>;
  /** Number of its running jobs. */
  running: number;
}

/** Waiting jobs of the same kind, client and priority. Only the first of them can be next. */
export class Lane {
  readonly key: string;
  readonly kind: Kind;
  readonly client: Client;
  readonly priority: number;
  /** Whether its jobs have deadlines. */
  readonly hasDeadlines: boolean;
  /** Since when later jobs are started before its first job; `undefined` while none was. */
  passedSince: number | undefined;
  /**
   * Since when it waits for a late turn: `passedSince`, or the last late turn of its client and priority if that was
   * later. Otherwise a client would get the more turns the more kinds of jobs it has.
   */
  lateSince = 0;
  /**
   * Machine time of the client when the lane was last ordered. A plan lets it become outdated, and checks it again for
   * the first lane.
   */
  used = 0;
  #first: Place | undefined;
  #last: Place | undefined;
  /** The first job that a plan has not placed. */
  #head: Place | undefined;

  constructor(parts: Pick<Lane, 'key' | 'kind' | 'client' | 'priority' | 'hasDeadlines'>) {
    this.key = parts.key;
    this.kind = parts.kind;
    this.client = parts.client;
    this.priority = parts.priority;
    this.hasDeadlines = parts.hasDeadlines;
  }

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  get head(): Place | undefined {
    return this.#head;
  }

  /** Counts the first job as placed, in a plan. */
  advance(): void {
    this.#head = this.#head?.next;
  }

  /** Resets the lane after a plan. */
  rewind(): void {
    this.#head = this.#first;
  }

  /** Inserts a job in the order of deadlines if there are any, otherwise at the end. */
  insert(job: WaitingJob, order: number): Place {
    let previous = this.#last;
    while (previous && deadlineOf(previous.job) > deadlineOf(job)) previous = previous.previous;
    const next = previous ? previous.next : this.#first;
    const place: Place = { job, order, lane: this, previous, next };
    if (previous) previous.next = place;
    else this.#first = place;
    if (next) next.previous = place;
    else this.#last = place;
    this.rewind();
    return place;
  }

  remove({ previous, next }: Place): void {
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    else this.#last = previous;
    this.rewind();
  }
}

export const deadlineOf = ({ deadline }: WaitingJob): number => deadline ?? Number.POSITIVE_INFINITY;

/**
 * Compares two lanes by turn: the higher priority, then the client that used less, then the nearer deadline, then the
 * earlier arrival.
 */
export function hasTurnBefore(one: Lane, other: Lane): boolean {
  const [a, b] = [one.head, other.head];
  // Lanes without unplaced jobs go last.
  if (!a || !b) return a !== undefined;
  if (one.priority !== other.priority) return one.priority > other.priority;
  if (one.used !== other.used) return one.used < other.used;
  if (one.hasDeadlines !== other.hasDeadlines) return one.hasDeadlines;
  if (one.hasDeadlines && deadlineOf(a.job) !== deadlineOf(b.job)) {
    return deadlineOf(a.job) < deadlineOf(b.job);
  }
  return a.order < b.order;
}

/** Compares two lanes with skipped jobs by their late turns. */
export function isLateBefore(one: Lane, other: Lane): boolean {
  if (one.lateSince !== other.lateSince) return one.lateSince < other.lateSince;
  return (one.passedSince ?? 0) < (other.passedSince ?? 0);
}

/** Reorders a lane after its first job or its client's machine time changed. */
export function takeTurn(lane: Lane): void {
  lane.used = lane.client.used + lane.client.planned;
  lane.kind.turns.place(lane);
}

/** Whether the machine time of its client changed since the lane was ordered. */
export const isOutdated = ({ used, client }: Lane): boolean => used !== client.used + client.planned;
