import { randomUUID } from 'node:crypto';
import type { Job } from 'bullmq';
import { messageOf } from '../../../errors.js';
import { settledWithin } from '../../../utils/deadline.js';
import type { Logger } from '../../../utils/logger.js';
import { type BullQueue, createBullQueue } from '../../queue/redis/createBullQueue.js';
import { dropUnreadable } from '../../queue/redis/damagedEntries.js';
import { UNTOLD_ENDS } from '../../queue/redis/jobRecord.js';
import { LuaScript } from '../../queue/redis/LuaScript.js';
import type { RedisConnection } from '../../queue/redis/RedisConnection.js';
import {
  type DeliveryOrder,
  type DeliveryRecord,
  type DeliveryStore,
  type HeldDelivery,
  newRecord,
  withdrawnRecord,
} from '../DeliveryStore.js';
import { readOrder, readRecord } from './deliveryData.js';
import { RedisHold } from './RedisHold.js';

/** BullMQ's name of the queue. */
const QUEUE = 'webhooks';
/** Interval of the check for deliveries of other servers, ms. */
const POLL_MS = 1000;
/** Holds to renew, or ends to read, with one command. */
const BATCH = 500;
/** Time at shutdown for Redis, and then for BullMQ, ms. */
const STOP_MS = 200;

/** KEYS: record. ARGV: the record on which the new one is based or nothing, the new one, its lifetime in ms. */
const REPLACE = new LuaScript(`
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
`);

interface Parts {
  readonly connection: RedisConnection;
  /** Prefix of all keys, with the hash tag. */
  readonly base: string;
  readonly logger: Logger;
}

export interface DeliveryTimings {
  /** Lifetime of a hold that is not renewed, ms: longer than an attempt. */
  readonly holdMs: number;
  /** Lifetime of the record of an unfinished delivery, ms: longer than any delivery. */
  readonly openMs: number;
  /** Lifetime of the record of a finished delivery, ms: as long as its job. */
  readonly finalMs: number;
}

/**
 * Deliveries that servers share, in BullMQ: it hands them out, and holds them by locks that end with their server. A
 * server keeps its deliveries until they are finished, through all its delays, so that clients share its slots as on a
 * single server.
 * ¶ Keys: BullMQ's own under `{prefix}:deliveries:`; `{prefix}:delivery:<job>` is the state of a delivery. A delivery
 * takes about 2 KB until it is finished, and 150 bytes after that.
 */
export class RedisDeliveryStore implements DeliveryStore {
  readonly outlivesServer = true;
  readonly #parts: Parts;
  readonly #timings: DeliveryTimings;
  readonly #token = randomUUID();
  readonly #held = new Map<string, RedisHold>();
  readonly #timers: NodeJS.Timeout[] = [];
  /** Aborted when Redis is no longer awaited. */
  readonly #enough = new AbortController();
  #bull: BullQueue<unknown> | undefined;
  /** Undefined until `start`, so that nothing is taken before. */
  #handOut: ((delivery: HeldDelivery) => void) | undefined;
  #taking: Promise<void> | undefined;
  #isDraining = false;

  constructor(parts: Parts, timings: DeliveryTimings) {
    this.#parts = parts;
    this.#timings = timings;
  }

  /** Starts to hand out deliveries. The connection must be started. @throws the rejection of Redis */
  async start(listener: (delivery: HeldDelivery) => void): Promise<void> {
    const { worker } = await this.#connect();
    await worker.startStalledCheckTimer();
    this.#handOut = listener;
    const every = (ms: number, work: () => unknown) => this.#timers.push(setInterval(work, ms));
    every(POLL_MS, () => this.#take());
    every(this.#timings.holdMs / 3, () => this.#renew().catch(this.#onError));
    this.#take();
  }

  drain(): void {
    this.#isDraining = true;
  }

  async stop(): Promise<void> {
    this.drain();
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    const settled = [this.#taking, ...[...this.#held.values()].map((hold) => hold.settled)];
    await settledWithin(STOP_MS, Promise.all(settled)).catch(this.#onError);
    this.#enough.abort();
    if (!this.#bull) return;
    await settledWithin(STOP_MS, this.#bull.close()).catch(this.#onError);
  }

  async add(order: DeliveryOrder): Promise<void> {
    const { queue } = await this.#connect();
    const { commands } = this.#parts.connection;
    const key = this.#recordKey(order.jobId);
    const isNew = await commands.set(key, JSON.stringify(newRecord()), 'PX', this.#timings.openMs, 'NX');
    const known = isNew ? undefined : readRecord(await commands.get(key));
    // If it is already queued, this changes nothing.
    if (!known || known.state === 'delivering') await queue.add(QUEUE, order, { jobId: order.jobId });
    await commands.zrem(this.#untoldKey, order.jobId);
    this.#take();
  }

  async withdraw(jobId: string, reason: string): Promise<void> {
    const { commands } = this.#parts.connection;
    const key = this.#recordKey(jobId);
    let isDone = false;
    // The server that holds it may change the record at the same moment.
    while (!isDone) {
      const stored = await commands.get(key);
      const record = readRecord(stored) ?? newRecord();
      if (record.state !== 'delivering') return;
      const withdrawn = JSON.stringify(withdrawnRecord(record, reason));
      isDone = (await REPLACE.run(commands, [key], [stored ?? '', withdrawn, this.#timings.finalMs])) === 1;
    }
    // What a server holds, it removes itself.
    const { queue } = await this.#connect();
    await queue.remove(jobId).catch(this.#onError);
  }

  async records(jobIds: readonly string[]): Promise<ReadonlyMap<string, DeliveryRecord>> {
    if (jobIds.length === 0) return new Map();
    const keys = jobIds.map((id) => this.#recordKey(id));
    const texts = await this.#parts.connection.commands.mget(keys);
    return new Map(
      jobIds.flatMap((id, n) => {
        const record = readRecord(texts[n]);
        return record ? [[id, record] as const] : [];
      }),
    );
  }

  async untold(among?: readonly string[]): Promise<string[]> {
    const { commands } = this.#parts.connection;
    if (!among) return this.#allUntold();
    if (among.length === 0) return [];
    const places = await commands.zmscore(this.#untoldKey, ...among);
    return among.filter((_id, n) => typeof places[n] === 'string');
  }

  async #allUntold(): Promise<string[]> {
    const { commands } = this.#parts.connection;
    const all: string[] = [];
    for (let from = 0; ; from += BATCH) {
      const some = await commands.zrange(this.#untoldKey, String(from), String(from + BATCH - 1));
      all.push(...some);
      if (some.length < BATCH) return all;
    }
  }

  get #untoldKey(): string {
    return `${this.#parts.base}:jobs:${UNTOLD_ENDS}`;
  }

  #recordKey(jobId: string): string {
    return `${this.#parts.base}:delivery:${jobId}`;
  }

  async #connect(): Promise<BullQueue<unknown>> {
    if (this.#bull) return this.#bull;
    // Loaded only if used.
    const bull = await import('bullmq');
    if (this.#bull) return this.#bull;
    const { connection, base } = this.#parts;
    const place = { connection: connection.commands, prefix: `${base}:deliveries` };
    const { holdMs } = this.#timings;
    const timings = { lockMs: holdMs, stalledCheckMs: Math.ceil(holdMs / 6) };
    this.#bull = createBullQueue(bull, QUEUE, place, timings, this.#onError);
    return this.#bull;
  }

  /** Takes everything that is due. Not awaited: the next check repeats what fails. */
  #take(): void {
    const handOut = this.#handOut;
    if (!handOut || this.#isDraining || !this.#parts.connection.isAvailable) return;
    this.#taking ??= this.#takeAll(handOut)
      .catch(this.#onError)
      .finally(() => {
        this.#taking = undefined;
      });
  }

  async #takeAll(handOut: (delivery: HeldDelivery) => void): Promise<void> {
    const { worker } = await this.#connect();
    while (!this.#isDraining) {
      const job = await worker.getNextJob(this.#token, { block: false }).catch((error: unknown) => {
        if (!(error instanceof SyntaxError)) throw error;
        return 'unreadable' as const;
      });
      if (!job) return;
      if (job !== 'unreadable') await this.#begin(job, handOut);
      else await this.#dropUnreadable();
    }
  }

  /** BullMQ would hand them out, and fail, again and again. */
  async #dropUnreadable(): Promise<void> {
    const { connection, base, logger } = this.#parts;
    const lane = `${base}:deliveries:${QUEUE}:`;
    for (const jobId of await dropUnreadable(connection.commands, lane, this.#token)) {
      logger.warn('A webhook delivery cannot be read', { jobId });
    }
  }

  async #begin(job: Job, handOut: (delivery: HeldDelivery) => void): Promise<void> {
    const order = readOrder(job.data);
    if (!order) {
      this.#parts.logger.warn('A webhook delivery cannot be read', { jobId: job.id });
      await job.moveToCompleted(undefined, this.#token, false);
      return;
    }
    const { jobId } = order;
    const record = readRecord(await this.#parts.connection.commands.get(this.#recordKey(jobId)));
    const known = this.#held.get(jobId);
    if (record && record.state !== 'delivering') await job.moveToCompleted(undefined, this.#token, false);
    else if (known) known.renewWith(job, record ?? newRecord());
    else handOut(this.#hold(job, order, record ?? newRecord()));
  }

  #hold(job: Job, order: DeliveryOrder, record: DeliveryRecord): RedisHold {
    const { openMs, finalMs, holdMs } = this.#timings;
    const hold: RedisHold = new RedisHold(job, order, record, {
      client: this.#parts.connection.commands,
      recordKey: this.#recordKey(order.jobId),
      lockKey: `${this.#parts.base}:deliveries:${QUEUE}:${order.jobId}:lock`,
      token: this.#token,
      holdMs,
      keptMs: ({ state }) => (state === 'delivering' ? openMs : finalMs),
      signal: this.#enough.signal,
      onEnd: () => {
        if (this.#held.get(order.jobId) === hold) this.#held.delete(order.jobId);
      },
      onError: this.#onError,
    });
    this.#held.set(order.jobId, hold);
    return hold;
  }

  async #renew(): Promise<void> {
    const { worker } = await this.#connect();
    const ids = [...this.#held.keys()];
    for (let at = 0; at < ids.length; at += BATCH) {
      const some = ids.slice(at, at + BATCH);
      const tokens = some.map(() => this.#token);
      await worker.extendJobLocks(some, tokens, this.#timings.holdMs);
    }
  }

  /** The connection logs outages; this is for debugging. */
  readonly #onError = (error: unknown): void => {
    this.#parts.logger.debug('Webhook deliveries could not be stored in Redis', { error: messageOf(error) });
  };
}
