import type { Job } from 'bullmq';
import type { Redis } from 'ioredis';
import {
  type Bull,
  type BullQueue,
  createBullQueue,
  type HoldTimings,
  isNotHeld,
} from './createBullQueue.js';
import { dropStray, dropWaiting, type EntryState } from './damagedEntries.js';
import { type LaneData, readLaneData } from './laneData.js';

export type LaneJob = Job<LaneData, unknown, string>;

/** BullMQ's priorities: requeued entries come first. */
const PUT_BACK = 1;
const NEW = 2;

/** Entries that are read at once. */
const BATCH = 500;

/** Entries of one workflow type, in a separate BullMQ queue, so that they block no other type. */
export class QueueLane {
  readonly type: string;
  readonly #client: Redis;
  readonly #bull: BullQueue<LaneData>;
  readonly #token: string;
  readonly #timings: HoldTimings;
  /** Entries that this server holds. */
  readonly #held = new Map<string, LaneJob>();

  /**
   * @param bull bullmq, which is loaded only if used
   * @param token of this server, unique for each start
   * @param onStalled called with each entry that is requeued because its server is gone
   */
  constructor(
    bull: Bull,
    { client, prefix, type, token }: { client: Redis; prefix: string; type: string; token: string },
    timings: HoldTimings,
    { onStalled, onError }: { onStalled(entry: LaneData): void; onError(error: Error): void },
  ) {
    this.type = type;
    this.#client = client;
    this.#token = token;
    this.#timings = timings;
    const place = { connection: client, prefix };
    this.#bull = createBullQueue<LaneData>(bull, type, place, timings, onError);
    const { worker } = this.#bull;
    worker.on('stalled', (id) => {
      // A damaged one is removed when a search finds it.
      void this.#read([id]).then(([data]) => data && onStalled(data), onError);
    });
  }

  /** Starts the check for entries whose server is gone. */
  async start(): Promise<void> {
    await this.#bull.worker.startStalledCheckTimer();
  }

  async close(): Promise<void> {
    await this.#bull.close();
  }

  async add(data: LaneData): Promise<void> {
    await this.#bull.queue.add(this.type, data, { jobId: data.id, priority: NEW });
  }

  /** Removes a waiting entry. A held one stays. */
  async remove(id: string): Promise<void> {
    await this.#bull.queue.remove(id);
  }

  /** Removes a waiting entry that cannot be read. @returns whether it waited; of several servers, one gets true */
  dropDamaged(id: string): Promise<boolean> {
    return dropWaiting(this.#client, this.#bull.queue.toKey(''), id);
  }

  /** Removes an entry that is in no list and that no server holds. @returns where it was */
  dropStray(id: string): Promise<EntryState> {
    return dropStray(this.#client, this.#bull.queue.toKey(''), id);
  }

  /** Whether an entry waits: it exists, and no server holds it. */
  async isWaiting(id: string): Promise<boolean> {
    const state = await this.#bull.queue.getJobState(id);
    return state === 'waiting' || state === 'prioritized';
  }

  /** Takes and holds the next entry. */
  async takeNext(): Promise<LaneJob | undefined> {
    const job = (await this.#bull.worker.getNextJob(this.#token, { block: false })) as LaneJob | undefined;
    if (job?.id !== undefined) this.#held.set(job.id, job);
    return job;
  }

  /** Removes a finished entry. If another server has taken it in the meantime, nothing happens. */
  async finish(job: LaneJob): Promise<void> {
    await this.#settle(job, () => job.moveToCompleted(undefined, this.#token, false));
  }

  /**
   * Returns a taken entry to its place. Never rejects: no caller repeats it, and an entry whose hold is not
   * renewed is requeued anyway.
   */
  async untake(job: LaneJob): Promise<void> {
    try {
      await this.#settle(job, () => job.moveToWait(this.#token));
    } catch {
      if (job.id !== undefined) this.#held.delete(job.id);
    }
  }

  /**
   * Requeues an entry, after all that were requeued before and before all new ones. If another server has taken it in the
   * meantime, nothing happens.
   * @param enter returns the new data. Called only if this server still holds the entry
   */
  async putBack(job: LaneJob, enter: () => Promise<LaneData>): Promise<void> {
    await this.#settle(job, async () => {
      // Renewed, so that no other server can take it in between.
      if ((await job.extendLock(this.#token, this.#timings.lockMs)) !== 1) return;
      await job.updateData(await enter());
      await job.moveToWait(this.#token);
      await job.changePriority({ priority: PUT_BACK });
    });
  }

  /** Renews the hold of one entry. @returns whether this server holds it; another one may have taken it */
  async extend(job: LaneJob): Promise<boolean> {
    if (job.id === undefined || this.#held.get(job.id) !== job) return false;
    try {
      return (await job.extendLock(this.#token, this.#timings.lockMs)) === 1;
    } catch (error) {
      if (isNotHeld(error)) return false;
      throw error;
    }
  }

  /** Renews all holds. */
  async renew(): Promise<void> {
    const ids = [...this.#held.keys()];
    if (ids.length === 0) return;
    const tokens = ids.map(() => this.#token);
    await this.#bull.worker.extendJobLocks(ids, tokens, this.#timings.lockMs);
  }

  /** Returns the data of all waiting entries that can be read, for repairs. */
  async waiting(): Promise<LaneData[]> {
    const [wait, prioritized] = await Promise.all([
      this.#client.lrange(this.#bull.queue.toKey('wait'), 0, -1),
      this.#client.zrange(this.#bull.queue.toKey('prioritized'), '0', '-1'),
    ]);
    const ids = [...wait, ...prioritized];
    const all: LaneData[] = [];
    for (let at = 0; at < ids.length; at += BATCH) all.push(...(await this.#read(ids.slice(at, at + BATCH))));
    return all;
  }

  /** Returns the number of waiting entries. */
  async count(): Promise<number> {
    const [wait, prioritized] = await Promise.all([
      this.#client.llen(this.#bull.queue.toKey('wait')),
      this.#client.zcard(this.#bull.queue.toKey('prioritized')),
    ]);
    return wait + prioritized;
  }

  /** Reads entries, without missing and damaged ones. */
  async #read(ids: readonly string[]): Promise<LaneData[]> {
    const read = async (id: string) => {
      const [data, options] = await this.#client.hmget(this.#bull.queue.toKey(id), 'data', 'opts');
      return readLaneData([data, options], this.type, id) ?? [];
    };
    return (await Promise.all(ids.map(read))).flat();
  }

  /** Ends the hold of an entry, once. After a failure the hold continues, so that it can be ended again. */
  async #settle(job: LaneJob, work: () => Promise<unknown>): Promise<void> {
    if (job.id === undefined || this.#held.get(job.id) !== job) return;
    try {
      await work();
    } catch (error) {
      // Another server has it, because this server was gone for longer than a hold lasts.
      if (!isNotHeld(error)) throw error;
    }
    if (this.#held.get(job.id) === job) this.#held.delete(job.id);
  }
}
