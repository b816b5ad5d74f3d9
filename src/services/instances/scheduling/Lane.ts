import type { IndexedHeap } from '../../../utils/IndexedHeap.js';
import type { WaitingJob } from './types.js';

/** A waiting job between its neighbours. */
export interface Place {
  readonly job: WaitingJob;
  /** Grows from job to job, in the order in which they came. */
  readonly order: number;
  readonly lane: Lane;
  previous: Place | undefined;
  next: Place | undefined;
}

/** What decides how long a job takes on a machine. */
export interface Kind {
  readonly key: string;
  readonly workflow: string;
  readonly models: readonly string[];
  /** Its lanes, the one whose turn it is first. */
  readonly turns: IndexedHeap<Lane>;
  /** Lanes with skipped jobs, the longest wait first. */
  readonly passed: IndexedHeap<Lane>;
  /** Jobs of it that wait. */
  count: number;
}

/** Who is counted. */
export interface Client {
  readonly id: string;
  /** Machine time, ms, on the scale of fair queueing. Whoever has the least goes first. */
  used: number;
  /** What a plan adds to it. */
  planned: number;
  readonly lanes: Set<Lane>;
  /** Jobs of its that run. */
  running: number;
}

/** Waiting jobs that are alike: of one kind, client and priority. Only the first of them can be next. */
export class Lane {
  readonly key: string;
  readonly kind: Kind;
  readonly client: Client;
  readonly priority: number;
  /** Of the jobs with a deadline, or of those without. */
  readonly hasDeadlines: boolean;
  /** Since when jobs that came later go before its first one; undefined while none did. */
  passedSince: number | undefined;
  /** Of its client, as it was when the lane got its place among the turns. A plan lets it grow and looks again at the first one. */
  used = 0;
  #first: Place | undefined;
  #last: Place | undefined;
  /** The first that a plan has not placed. */
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

  /** For a plan: the first job counts as placed. */
  advance(): void {
    this.#head = this.#head?.next;
  }

  /** A plan is over. */
  rewind(): void {
    this.#head = this.#first;
  }

  /** In the order of deadlines where there are any, otherwise last. */
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

/** Whose turn it is: the higher priority, then the client that used less, then the nearer deadline, then who came first. */
export function hasTurnBefore(one: Lane, other: Lane): boolean {
  const [a, b] = [one.head, other.head];
  // Those of which a plan has placed all.
  if (!a || !b) return a !== undefined;
  if (one.priority !== other.priority) return one.priority > other.priority;
  if (one.used !== other.used) return one.used < other.used;
  if (one.hasDeadlines !== other.hasDeadlines) return one.hasDeadlines;
  if (one.hasDeadlines && deadlineOf(a.job) !== deadlineOf(b.job)) {
    return deadlineOf(a.job) < deadlineOf(b.job);
  }
  return a.order < b.order;
}

/** Gives a lane its place among the turns, after its first job or what its client used changed. */
export function takeTurn(lane: Lane): void {
  lane.used = lane.client.used + lane.client.planned;
  lane.kind.turns.place(lane);
}

/** Whether its client used more since the lane got its place. */
export const isOutdated = ({ used, client }: Lane): boolean => used !== client.used + client.planned;
