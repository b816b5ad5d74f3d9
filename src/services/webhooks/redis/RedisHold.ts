import type { Job } from 'bullmq';
import type { Redis } from 'ioredis';
import { sleep } from '../../../utils/timers.js';
import { isNotHeld } from '../../queue/redis/createBullQueue.js';
import { LuaScript } from '../../queue/redis/LuaScript.js';
import type { DeliveryOrder, DeliveryRecord, HeldDelivery } from '../DeliveryStore.js';
import { readRecord } from './deliveryData.js';

/** Delay between two attempts of a failed call, ms. */
const RETRY_MS = 500;

/**
 * KEYS: record, lock. ARGV: the record, its lifetime in ms, token, whether it counts in any case. Only the server
 * that holds a delivery may change its record, until it is final: another server may have withdrawn it. A success
 * counts whichever server reports it. Returns whether the delivery is `lost`, `final` or still `open`.
 */
const NOTE = new LuaScript(`
local function stateOf(text)
  local isRead, record = pcall(cjson.decode, text or '')
  return isRead and type(record) == 'table' and record.state or 'delivering'
end
local isHeld = redis.call('GET', KEYS[2]) == ARGV[3]
if ARGV[4] == 'true' or (isHeld and stateOf(redis.call('GET', KEYS[1])) == 'delivering') then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  isHeld = true
end
if not isHeld then return 'lost' end
return stateOf(redis.call('GET', KEYS[1])) == 'delivering' and 'open' or 'final'
`);

export interface HoldParts {
  readonly client: Redis;
  /** Keys of the record, and of BullMQ's lock. */
  readonly recordKey: string;
  readonly lockKey: string;
  /** Token of this server. */
  readonly token: string;
  /** Lifetime of a hold that is not renewed, ms. */
  readonly holdMs: number;
  /** Lifetime of a record, ms. */
  readonly keptMs: (record: DeliveryRecord) => number;
  /** Aborted when Redis is no longer awaited. */
  readonly signal: AbortSignal;
  /** Called when this server has finished with the delivery. */
  readonly onEnd: () => void;
  readonly onError: (error: unknown) => void;
}

/** A delivery that this server holds by a lock of BullMQ, while it waits for its next attempts. */
export class RedisHold implements HeldDelivery {
  readonly order: DeliveryOrder;
  readonly record: DeliveryRecord;
  readonly #parts: HoldParts;
  #job: Job;
  /** Whether Redis does not have the latest state. */
  #isBehind = false;
  #isGivenBack = false;
  #working: Promise<void> | undefined;

  constructor(job: Job, order: DeliveryOrder, record: DeliveryRecord, parts: HoldParts) {
    this.#job = job;
    this.order = order;
    this.record = record;
    this.#parts = parts;
  }

  /** Resolves when Redis has the latest state, or is no longer awaited. */
  get settled(): Promise<void> {
    return this.#working ?? Promise.resolve();
  }

  /**
   * Continues a delivery that this server has taken again after its hold had expired. Other servers may have made
   * attempts in between.
   */
  renewWith(job: Job, record: DeliveryRecord): void {
    this.#job = job;
    if (this.#isBehind || this.#working) return;
    this.record.attempts.splice(0, this.record.attempts.length, ...record.attempts);
    this.record.nextAttempt = record.nextAttempt;
  }

  async confirm(signal: AbortSignal): Promise<boolean> {
    const { token, holdMs, onEnd } = this.#parts;
    const answer = await this.#insist(() => this.#job.extendLock(token, holdMs), signal);
    // While this server holds it, only a withdrawal makes it final.
    if (answer === 1) return (await this.#insist(() => this.#isFinal(), signal)) === false;
    // The hold is lost, even if no other server has taken the delivery yet: the next server that finds it continues.
    if (answer !== undefined) onEnd();
    return false;
  }

  note(): void {
    this.#isBehind = true;
    this.#work();
  }

  giveBack(): void {
    this.#isGivenBack = true;
    this.#isBehind = true;
    this.#work();
  }

  #work(): void {
    this.#working ??= this.#tellRedis().finally(() => {
      this.#working = undefined;
      if (this.#isBehind && !this.#parts.signal.aborted) this.#work();
    });
  }

  /** Repeats until Redis has the latest record, and the hold has ended if it should. */
  async #tellRedis(): Promise<void> {
    const { signal, token, onEnd } = this.#parts;
    while (this.#isBehind && !signal.aborted) {
      this.#isBehind = false;
      const stored = await this.#insist(() => this.#write(), signal);
      if (stored === 'lost') return onEnd();
      if (stored === 'final') await this.#end(() => this.#job.moveToCompleted(undefined, token, false));
      else if (stored === 'open' && this.#isGivenBack) {
        // Without a delay, which BullMQ would compute by the wall clocks of two servers: the next holder waits.
        await this.#end(() => this.#job.moveToWait(token));
      }
    }
  }

  async #isFinal(): Promise<boolean> {
    const { client, recordKey } = this.#parts;
    const record = readRecord(await client.get(recordKey));
    return record !== undefined && record.state !== 'delivering';
  }

  #write(): Promise<unknown> {
    const { client, recordKey, lockKey, token, keptMs } = this.#parts;
    const isDelivered = String(this.record.state === 'delivered');
    const values = [JSON.stringify(this.record), keptMs(this.record), token, isDelivered];
    return NOTE.run(client, [recordKey, lockKey], values);
  }

  async #end(work: () => Promise<unknown>): Promise<void> {
    await this.#insist(async () => {
      try {
        await work();
      } catch (error) {
        if (!isNotHeld(error)) throw error;
      }
    }, this.#parts.signal);
    this.#parts.onEnd();
  }

  /** Repeats a call until it succeeds. @returns undefined if `signal` was aborted before */
  async #insist<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    while (!signal.aborted) {
      try {
        return await call();
      } catch (error) {
        this.#parts.onError(error);
        await sleep(RETRY_MS, signal);
      }
    }
    return undefined;
  }
}
