import { IndexedHeap } from '../../../utils/IndexedHeap.js';
import {
  type Client,
  deadlineOf,
  hasTurnBefore,
  isLateBefore,
  type Kind,
  Lane,
  type Place,
  takeTurn,
} from './Lane.js';
import type { WaitingJob } from './types.js';

/** Above every priority that a client can have: a job that waits again already had its turn. */
const AGAIN = 1000;

/** Minimum number of clients before idle ones are forgotten. */
const MIN_CLIENTS = 1000;

/** The start of a job. */
interface Start {
  /** First estimate of the machine time that counts for its client. */
  readonly costMs: number;
  /** Whether it starts because it was skipped for too long. */
  readonly isLate: boolean;
  readonly now: number;
}

/**
 * The waiting jobs in the order of their turns. Clients take turns by start-time fair queueing (Goyal, Vin, Cheng,
 * 1996): the machine time of each client is counted, the client with the least is next, and a client that returns after
 * a pause starts at the level of the others.
 */
export class WaitingJobs {
  readonly #places = new Map<string, Place>();
  readonly #lanes = new Map<string, Lane>();
  readonly #kinds = new Map<string, Kind>();
  readonly #clients = new Map<string, Client>();
  /** Lanes without skipped jobs, the lane with the oldest first job in front. */
  readonly #unpassed = new IndexedHeap<Lane>(cameBefore);
  readonly #deadlines = new IndexedHeap<Place>((one, other) => deadlineOf(one.job) < deadlineOf(other.job));
  /** Start value of clients that return after a pause. */
  #virtualTime = 0;
  /** Number of jobs that wait but are not among these, by workflow. */
  hidden: ReadonlyMap<string, number> = new Map();
  #added = 0;
  #maxClients = MIN_CLIENTS;

  get size(): number {
    return this.#places.size;
  }

  /** Kinds with waiting jobs. */
  get kinds(): Iterable<Kind> {
    return this.#kinds.values();
  }

  /** Numbers of all waiting jobs; a workflow may have several. */
  get counts(): { workflow: string; count: number }[] {
    const hidden = [...this.hidden].map(([workflow, count]) => ({ workflow, count }));
    return [...this.#kinds.values(), ...hidden];
  }

  /** Adds a job behind the waiting ones. Replaces a job with the same id. */
  add(job: WaitingJob): void {
    this.remove(job.id);
    this.#added += 1;
    const lane = this.#laneOf(job);
    const place = lane.insert(job, this.#added);
    this.#places.set(job.id, place);
    lane.kind.count += 1;
    if (job.deadline !== undefined) this.#deadlines.place(place);
    this.#reorder(lane);
  }

  /** @returns the lane of the job, which may be empty now; `undefined` if it was not waiting */
  remove(id: string): Lane | undefined {
    const place = this.#places.get(id);
    if (!place) return undefined;
    const { lane } = place;
    this.#places.delete(id);
    this.#deadlines.remove(place);
    lane.remove(place);
    lane.kind.count -= 1;
    if (lane.isEmpty) this.#drop(lane);
    else this.#reorder(lane);
    return lane;
  }

  /** Removes a job because it starts. @returns its client; `undefined` if it was not waiting */
  begin(id: string, { costMs, isLate, now }: Start): Client | undefined {
    const place = this.#places.get(id);
    if (!place) return undefined;
    const { client } = place.lane;
    this.remove(id);
    client.running += 1;
    this.#virtualTime = Math.max(this.#virtualTime, client.used);
    this.charge(client, costMs);
    this.#tookTurn(place, isLate, now);
    return client;
  }

  /** Counts the start of a job on another server like one here. Its queue entry is removed when the queue says so. */
  beganElsewhere(id: string, client: string, { costMs, isLate, now }: Start): void {
    this.#virtualTime = Math.max(this.#virtualTime, this.#clientOf(client).used);
    this.chargeClient(client, costMs);
    const place = this.#places.get(id);
    if (place) this.#tookTurn(place, isLate, now);
  }

  /** Like `charge`, for the client of another server's job. */
  chargeClient(id: string, ms: number): void {
    this.charge(this.#clientOf(id), ms);
  }

  /** Counts machine time for a client; negative to correct an estimate that was too high. */
  charge(client: Client, ms: number): void {
    client.used += ms;
    for (const lane of client.lanes) takeTurn(lane);
  }

  /** Marks that another job started although this one was next. */
  markPassedOver(id: string, now: number): void {
    const lane = this.laneOf(id);
    if (lane) this.#markPassed(lane, now);
  }

  /** Returns, among the kinds that `mayRun` allows, the lane with the next late turn, if it waits since before `time`. */
  passedOverBefore(time: number, mayRun: (kind: Kind) => boolean): Lane | undefined {
    let next: Lane | undefined;
    for (const kind of this.#kinds.values()) {
      const lane = kind.passed.first;
      if (!lane || lane.lateSince >= time || (next && !isLateBefore(lane, next)) || !mayRun(kind)) continue;
      next = lane;
    }
    return next;
  }

  /** Returns the lane of a job; `undefined` if it is not waiting. */
  laneOf(id: string): Lane | undefined {
    return this.#places.get(id)?.lane;
  }

  /** Returns a job that can no longer start in time, if any. */
  overdue(now: number): WaitingJob | undefined {
    const first = this.#deadlines.first?.job;
    return first && deadlineOf(first) < now ? first : undefined;
  }

  /** The next deadline. */
  get nextDeadline(): number | undefined {
    return this.#deadlines.first?.job.deadline;
  }

  /** Records that a lane had a turn. After a late one, the other lanes of its client and priority wait again. */
  #tookTurn({ lane, order }: Place, isLate: boolean, now: number): void {
    lane.passedSince = undefined;
    if (!lane.isEmpty) this.#reorder(lane);
    this.#markAllBefore(order, now);
    if (!isLate) return;
    for (const other of lane.client.lanes) {
      if (other.priority !== lane.priority || other.passedSince === undefined) continue;
      other.lateSince = now;
      other.kind.passed.place(other);
    }
  }

  #markPassed(lane: Lane, now: number): void {
    if (lane.passedSince !== undefined) return;
    lane.passedSince = now;
    lane.lateSince = now;
    this.#unpassed.remove(lane);
    lane.kind.passed.place(lane);
  }

  /** Marks every lane whose first job came before `order`. */
  #markAllBefore(order: number, now: number): void {
    for (;;) {
      const lane = this.#unpassed.first;
      if (!lane?.head || lane.head.order >= order) return;
      this.#markPassed(lane, now);
    }
  }

  /** Reorders a lane after its first job changed. */
  #reorder(lane: Lane): void {
    takeTurn(lane);
    if (lane.passedSince === undefined) {
      lane.kind.passed.remove(lane);
      this.#unpassed.place(lane);
    }
  }

  #drop(lane: Lane): void {
    const { kind, client, key } = lane;
    kind.turns.remove(lane);
    kind.passed.remove(lane);
    this.#unpassed.remove(lane);
    client.lanes.delete(lane);
    this.#lanes.delete(key);
    if (kind.turns.size === 0) this.#kinds.delete(kind.key);
  }

  #laneOf(job: WaitingJob): Lane {
    const { isAgain } = job;
    const priority = isAgain ? AGAIN : job.priority;
    const hasDeadlines = job.deadline !== undefined;
    const kind = this.#kindOf(job);
    // A retried job may be the only one of its kind that has to wait for another machine.
    const key = JSON.stringify([kind.key, job.client, priority, hasDeadlines, isAgain ? job.id : 0]);
    const known = this.#lanes.get(key);
    if (known) return known;
    const client = this.#clientOf(job.client);
    const lane = new Lane({ key, kind, client, priority, hasDeadlines });
    client.lanes.add(lane);
    this.#lanes.set(key, lane);
    return lane;
  }

  #kindOf({ workflow, models }: WaitingJob): Kind {
    const key = JSON.stringify([workflow, ...models]);
    const kind = this.#kinds.get(key) ?? {
      key,
      workflow,
      models,
      turns: new IndexedHeap(hasTurnBefore),
      passed: new IndexedHeap(isLateBefore),
      count: 0,
    };
    this.#kinds.set(key, kind);
    return kind;
  }

  #clientOf(id: string): Client {
    const known = this.#clients.get(id);
    if (!known && this.#clients.size >= this.#maxClients) this.#forgetIdle();
    const client = known ?? { id, used: 0, planned: 0, lanes: new Set<Lane>(), running: 0 };
    this.#clients.set(id, client);
    if (client.lanes.size === 0) client.used = Math.max(client.used, this.#virtualTime);
    return client;
  }

  /** Forgets idle clients that would start at the level of the others. */
  #forgetIdle(): void {
    for (const { id, lanes, running, used } of this.#clients.values()) {
      if (lanes.size === 0 && running === 0 && used <= this.#virtualTime) this.#clients.delete(id);
    }
    this.#maxClients = Math.max(MIN_CLIENTS, 2 * this.#clients.size);
  }
}

function cameBefore(one: Lane, other: Lane): boolean {
  return (one.head?.order ?? 0) < (other.head?.order ?? 0);
}
