import { v4 as uuid } from 'uuid';
import { messageOf } from '../../../errors.js';
import { Listeners } from '../../../utils/Listeners.js';
import type { Logger } from '../../../utils/logger.js';
import type { JobQueue, Picker, QueueEntry, QueueSize, Releasable, Taken } from '../JobQueue.js';
import { LaterLook } from '../LaterLook.js';
import type { Bull, HoldTimings } from './createBullQueue.js';
import { IndexRepair } from './IndexRepair.js';
import { LaneSearch } from './LaneSearch.js';
import { isLaneType, type LaneData } from './laneData.js';
import { type Candidate, dataOf, entryOf } from './laneEntries.js';
import { type LaneJob, QueueLane } from './QueueLane.js';
import type { RedisConnection } from './RedisConnection.js';
import { ShownEntries } from './ShownEntries.js';
import { Subscription } from './Subscription.js';
import { queueUnavailable } from './unavailable.js';
import { WaitingIndex } from './WaitingIndex.js';

export interface RedisQueueTimings extends HoldTimings {
  /** Interval at which the index is compared with BullMQ's queues, ms. */
  readonly repairMs: number;
}

/** A dead server is detected within 25 seconds: its hold must expire, and BullMQ must check twice. */
const REDIS_QUEUE_TIMINGS: RedisQueueTimings = {
  lockMs: 15_000,
  stalledCheckMs: 5000,
  repairMs: 30_000,
};

interface RedisQueueParts {
  readonly connection: RedisConnection;
  /** Prefix of all keys, with the hash tag. */
  readonly prefix: string;
  readonly logger: Logger;
}

/**
 * A queue that servers share, on BullMQ: it stores entries, renews and expires their holds, and returns the entries of
 * a dead server. Each workflow type has its own BullMQ queue, so that a type that no machine can run does not block
 * others.
 *
 * Keys: BullMQ's own under `{prefix}:queue:<type>:`, the index over all types under `{prefix}:waiting:`, the types in
 * `{prefix}:types`. An entry takes about 600 bytes.
 */
export class RedisJobQueue implements JobQueue {
  readonly #parts: RedisQueueParts;
  readonly #timings: RedisQueueTimings;
  readonly #index: WaitingIndex;
  readonly #token = uuid();
  #bull: Bull | undefined;
  readonly #lanes = new Map<string, QueueLane>();
  readonly #shown = new ShownEntries();
  readonly #listeners = new Set<() => void>();
  readonly #lost: Listeners<[id: string]>;
  readonly #repair: IndexRepair;
  readonly #search: LaneSearch;
  readonly #later = new LaterLook(() => this.#tell());
  readonly #timers: NodeJS.Timeout[] = [];
  /** Prefix of BullMQ's keys. */
  readonly #lanePrefix: string;
  readonly #channel: string;
  /** Receives messages about entries that any server adds. */
  #added: Subscription | undefined;

  constructor(parts: RedisQueueParts, timings: RedisQueueTimings = REDIS_QUEUE_TIMINGS) {
    this.#parts = parts;
    this.#timings = timings;
    this.#index = new WaitingIndex(parts.connection, parts.prefix);
    this.#lanePrefix = `${parts.prefix}:queue`;
    this.#channel = `${parts.prefix}:waiting`;
    const { connection, logger } = parts;
    const laneOf = (type: string) => this.#lane(type);
    const prefix = this.#lanePrefix;
    this.#lost = new Listeners((error) =>
      logger.error('A Redis listener failed', { error: messageOf(error) }),
    );
    const onLost = (id: string) => this.#lost.tell(id);
    this.#search = new LaneSearch({ connection, index: this.#index, prefix, laneOf, onLost, logger });
    this.#repair = new IndexRepair({ index: this.#index, onLost, logger });
  }

  /**
   * Subscribes to additions by other servers, and starts to renew holds. The connection must be started.
   * @throws the rejection of Redis
   */
  async start(): Promise<void> {
    const { connection, logger } = this.#parts;
    // Loaded only if used.
    this.#bull = await import('bullmq');
    const listener = {
      onMessage: (_channel: string, server: string) => {
        if (server === this.#token) this.#tell();
        else this.#later.plan();
      },
      onAgain: () => this.#tell(),
    };
    this.#added = await Subscription.begin(connection.subscriber, [this.#channel], listener, logger);
    const every = (ms: number, work: () => Promise<void>) =>
      this.#timers.push(setInterval(() => void work().catch((error: unknown) => this.#onError(error)), ms));
    every(this.#timings.lockMs / 3, () => this.#renew());
    every(this.#timings.repairMs, () => this.repair());
    await this.#allLanes();
  }

  /** Stops everything. Held entries go to other servers when their hold expires. */
  async stop(): Promise<void> {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    this.#added?.stop();
    this.#later.stop();
    await Promise.allSettled([...this.#lanes.values()].map((lane) => lane.close()));
  }

  async add(entry: QueueEntry): Promise<number> {
    const { rank, waiting, previousType } = await this.#index.enter(entry.id, entry.type, entry.bytes, false);
    try {
      if (previousType !== undefined) await (await this.#lane(previousType)).remove(entry.id);
      await (await this.#lane(entry.type)).add(dataOf(entry, rank));
    } catch (error) {
      await this.#index.leave(entry.id).catch(() => undefined);
      throw error;
    }
    this.#tellWaiting();
    return waiting;
  }

  async remove(id: string): Promise<boolean> {
    const type = await this.#index.leave(id);
    if (type === undefined) return false;
    await (await this.#lane(type)).remove(id);
    return true;
  }

  size(): Promise<QueueSize> {
    return this.#index.size();
  }

  position(id: string): Promise<number> {
    return this.#index.position(id);
  }

  async take<T extends Releasable>(picker: Picker<T>): Promise<Taken<T> | undefined> {
    const chosen = this.#shown.pick(await this.#search.look(), picker);
    if (!chosen) return undefined;
    const taken = await this.#fetch(chosen.candidate, chosen.value);
    // The faster server has not announced its machine yet, so another choice now could not consider it.
    if (!taken) this.#later.plan();
    return taken;
  }

  async show(picker: Picker<Releasable>): Promise<void> {
    this.#shown.show(await this.#search.look(), picker);
  }

  onWaiting(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  onLost(listener: (id: string) => void): () => void {
    return this.#lost.add(listener);
  }

  /** Restores types that Redis has lost, and compares the index with BullMQ's queues; see `IndexRepair`. */
  async repair(): Promise<void> {
    if (await this.#index.restoreTypes([...this.#lanes.keys()])) this.#tellWaiting();
    await this.#repair.run(await this.#allLanes());
  }

  /**
   * Takes an entry out of its lane. BullMQ returns only the next entry, so the entries before it are held for a moment. Others do not
   * see them in the meantime, and may decide that a machine loads other models: no more are taken than the search has shown.
   * @returns `undefined` if another server took it; `value` is then released
   */
  async #fetch<T extends Releasable>(
    { lane, entry, place }: Candidate,
    value: T,
  ): Promise<Taken<T> | undefined> {
    const others: LaneJob[] = [];
    let own: LaneJob | undefined;
    try {
      for (let n = 0; n <= place && !own; n += 1) {
        const job = await lane.takeNext();
        if (!job) break;
        if (job.data.id === entry.id) own = job;
        else others.push(job);
      }
      if (own) await this.#index.leave(entry.id);
    } catch (error) {
      // The next repair corrects the index.
      if (own) others.push(own);
      value.release();
      throw error;
    } finally {
      for (const other of others.reverse()) await lane.untake(other);
    }
    if (own) return this.#taken(lane, own, value);
    value.release();
    return undefined;
  }

  #taken<T extends Releasable>(lane: QueueLane, job: LaneJob, chosen: T): Taken<T> {
    const entry = entryOf(job.data);
    let isHeld = true;
    const once = async (work: () => Promise<void>) => {
      if (!isHeld) return;
      await work();
      isHeld = false;
    };
    return {
      entry,
      chosen,
      renew: async () => isHeld && (await lane.extend(job)),
      done: () => once(() => lane.finish(job)),
      putBack: (changed = entry) =>
        once(async () => {
          await lane.putBack(job, async () => {
            const { rank } = await this.#index.enter(changed.id, changed.type, changed.bytes, true);
            return dataOf(changed, rank);
          });
          this.#tellWaiting();
        }),
    };
  }

  async #renew(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.renew()));
  }

  /** Returns a lane for each type that any server has used. */
  async #allLanes(): Promise<QueueLane[]> {
    const types = await this.#parts.connection.commands.smembers(this.#index.typesKey);
    return Promise.all(types.filter(isLaneType).map((type) => this.#lane(type)));
  }

  async #lane(type: string): Promise<QueueLane> {
    const known = this.#lanes.get(type);
    if (known) return known;
    const client = this.#parts.connection.commands;
    const bull = this.#bull;
    // The server listens before the queue has started.
    if (!bull) throw queueUnavailable();
    const lane = new QueueLane(
      bull,
      { client, prefix: this.#lanePrefix, type, token: this.#token },
      this.#timings,
      {
        onStalled: (data) => void this.#onStalled(lane, data),
        onError: (error) => this.#onError(error),
      },
    );
    this.#lanes.set(type, lane);
    await lane.start();
    return lane;
  }

  async #onStalled(lane: QueueLane, { id, type, bytes }: LaneData): Promise<void> {
    this.#parts.logger.warn('A server is gone, its job was requeued', { jobId: id });
    try {
      await this.#index.enter(id, type, bytes, true);
      // BullMQ requeued it before: another server may have taken it already, and repairs keep what a server holds.
      if (!(await lane.isWaiting(id))) await this.#index.leave(id);
    } catch (error) {
      this.#onError(error);
    }
    this.#tellWaiting();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Notifies all servers. They may miss it, but they poll as well. */
  #tellWaiting(): void {
    this.#parts.connection.commands
      .publish(this.#channel, this.#token)
      .catch((error: unknown) => this.#onError(error));
  }

  /** The connection logs outages; this is for debugging. */
  #onError(error: unknown): void {
    this.#parts.logger.debug('The queue could not reach Redis', { error: messageOf(error) });
  }
}
