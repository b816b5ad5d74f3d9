import type { Job, Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { QueueEntry } from '../JobQueue.js';
import { LuaScript } from './LuaScript.js';

/** What BullMQ keeps of an entry. */
export interface LaneData extends Omit<QueueEntry, 'tried'> {
  readonly tried: readonly string[];
  /** Its place among all that wait, whatever their type. */
  readonly rank: number;
}

export type LaneJob = Job<LaneData, unknown, string>;

export interface LaneTimings {
  /** How long a taken entry is held without being renewed, ms. */
  readonly lockMs: number;
  /** Between two looks for entries whose hold has ended, ms. */
  readonly stalledCheckMs: number;
}

/** BullMQ's priorities: what was put back goes first. */
const PUT_BACK = 1;
const NEW = 2;

/** BullMQ fails a job that stalls more often. Whether a job is tried again is not the queue's decision. */
const NO_LIMIT = 1_000_000;

/** Events that BullMQ's stream keeps; nobody reads them but people who look for a fault. */
const KEPT_EVENTS = 100;

/** What BullMQ says of an entry that is not this server's any more. */
const NOT_HELD = /Missing (key|lock)|Lock mismatch|is not in the active state/i;

/** KEYS: wait, prioritized. ARGV: key of a job without its id, count. Returns the data of those that come next. */
const PEEK = new LuaScript(`
local ids = redis.call('LRANGE', KEYS[1], -ARGV[2], -1)
local found = {}
for n = #ids, 1, -1 do table.insert(found, ids[n]) end
if #found < tonumber(ARGV[2]) then
  for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, ARGV[2] - #found - 1)) do table.insert(found, id) end
end
local data = {}
for _, id in ipairs(found) do
  local one = redis.call('HGET', ARGV[1] .. id, 'data')
  if one then table.insert(data, one) end
end
return data
`);

/** Entries of one workflow type, in a BullMQ queue of their own, so that they hold up no other type. */
export class QueueLane {
  readonly type: string;
  readonly #client: Redis;
  readonly #queue: Queue<LaneData>;
  readonly #worker: Worker<LaneData>;
  readonly #token: string;
  readonly #timings: LaneTimings;
  /** Entries that this server holds. */
  readonly #held = new Map<string, LaneJob>();

  /**
   * @param bull bullmq, which is loaded only where it is used
   * @param token of this server, unique for each start
   * @param onStalled called with each entry that waits again because its server is gone
   */
  constructor(
    bull: { Queue: typeof Queue; Worker: typeof Worker },
    { client, prefix, type, token }: { client: Redis; prefix: string; type: string; token: string },
    timings: LaneTimings,
    { onStalled, onError }: { onStalled(entry: LaneData): void; onError(error: Error): void },
  ) {
    this.type = type;
    this.#client = client;
    this.#token = token;
    this.#timings = timings;
    const shared = { connection: client, prefix, skipVersionCheck: true };
    this.#queue = new bull.Queue<LaneData>(type, {
      ...shared,
      streams: { events: { maxLen: KEPT_EVENTS } },
      defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
    });
    this.#worker = new bull.Worker<LaneData>(type, null, {
      ...shared,
      autorun: false,
      lockDuration: timings.lockMs,
      stalledInterval: timings.stalledCheckMs,
      maxStalledCount: NO_LIMIT,
    });
    this.#queue.on('error', onError);
    this.#worker.on('error', onError);
    this.#worker.on('stalled', (id) => {
      void this.#queue.getJob(id).then((job) => job && onStalled(job.data), onError);
    });
  }

  /** Begins to look for entries whose server is gone. */
  async start(): Promise<void> {
    await this.#worker.startStalledCheckTimer();
  }

  async close(): Promise<void> {
    await Promise.all([this.#worker.close(), this.#queue.close()]);
  }

  async add(data: LaneData): Promise<void> {
    await this.#queue.add(this.type, data, { jobId: data.id, priority: NEW });
  }

  /** Takes a waiting entry out. One that is held stays. */
  async remove(id: string): Promise<void> {
    await this.#queue.remove(id);
  }

  /** The next entries, as far as a look tells. */
  async peek(count: number): Promise<LaneData[]> {
    const keys = [this.#queue.toKey('wait'), this.#queue.toKey('prioritized')];
    const texts = (await PEEK.run(this.#client, keys, [this.#queue.toKey(''), count])) as string[];
    return texts.map((text) => JSON.parse(text) as LaneData);
  }

  /** Takes and holds the next entry. */
  async takeNext(): Promise<LaneJob | undefined> {
    const job = (await this.#worker.getNextJob(this.#token, { block: false })) as LaneJob | undefined;
    if (job?.id !== undefined) this.#held.set(job.id, job);
    return job;
  }

  /** The entry is done with. Somebody else may have it meanwhile: then nothing happens. */
  async finish(job: LaneJob): Promise<void> {
    await this.#settle(job, () => job.moveToCompleted(undefined, this.#token, false));
  }

  /**
   * An entry that was taken and is not wanted waits again, where it was. Never rejects: nobody would ask a second time, and
   * one whose hold is not renewed waits again by itself.
   */
  async untake(job: LaneJob): Promise<void> {
    try {
      await this.#settle(job, () => job.moveToWait(this.#token));
    } catch {
      if (job.id !== undefined) this.#held.delete(job.id);
    }
  }

  /** An entry waits again, behind all that were put back before and before all that are new. */
  async putBack(job: LaneJob, data: LaneData): Promise<void> {
    await this.#settle(job, async () => {
      await job.updateData(data);
      await job.moveToWait(this.#token);
      await job.changePriority({ priority: PUT_BACK });
    });
  }

  /** Holds what is held for another while. */
  async renew(): Promise<void> {
    const ids = [...this.#held.keys()];
    if (ids.length === 0) return;
    const tokens = ids.map(() => this.#token);
    await this.#worker.extendJobLocks(ids, tokens, this.#timings.lockMs);
  }

  /** Data of all that wait, for repairs. */
  async waiting(): Promise<LaneData[]> {
    const jobs = await this.#queue.getJobs(['wait', 'prioritized']);
    return jobs.flatMap((job) => (job ? [job.data] : []));
  }

  /** How many wait. */
  async count(): Promise<number> {
    const [wait, prioritized] = await Promise.all([
      this.#client.llen(this.#queue.toKey('wait')),
      this.#client.zcard(this.#queue.toKey('prioritized')),
    ]);
    return wait + prioritized;
  }

  /** Ends the hold of an entry, once. Where that fails it goes on, so that it can be ended again. */
  async #settle(job: LaneJob, work: () => Promise<unknown>): Promise<void> {
    if (job.id === undefined || this.#held.get(job.id) !== job) return;
    try {
      await work();
    } catch (error) {
      // Somebody else has it, since this server was gone for longer than a hold lasts.
      if (!(error instanceof Error && NOT_HELD.test(error.message))) throw error;
    }
    if (this.#held.get(job.id) === job) this.#held.delete(job.id);
  }
}
