import type { QueueSize } from '../JobQueue.js';
import { LuaScript } from './LuaScript.js';
import type { RedisConnection } from './RedisConnection.js';

/**
 * Subtracted from the rank of a requeued entry, so that it comes before all new ones. Larger than any number of jobs.
 */
const BEFORE_NEW = 2 ** 50;

/**
 * Lines of the scripts below. A damaged number counts as 0, and damage to one entry must not stop the others. The total is right
 * again when the queue is empty.
 */
const COUNT = `
local function addBytes(change)
  local total = (tonumber(redis.call('GET', KEYS[4])) or 0) + change
  redis.call('SET', KEYS[4], string.format('%.0f', math.max(0, total)))
end

local function bytesOf(id)
  return tonumber(redis.call('HGET', KEYS[3], id)) or 0
end
`;

/**
 * KEYS: ranks, types, bytes, total, sequence, used types. ARGV: id, type, bytes, what is subtracted from the rank, the
 * rank itself or ''. Returns the rank, the number of entries, and the type under which the id waited before, if any.
 * ¶ The type is added each time, because Redis may have lost it: nobody would find the entry.
 */
const ENTER = new LuaScript(`${COUNT}
local previous = redis.call('HGET', KEYS[2], ARGV[1])
if previous then addBytes(-bytesOf(ARGV[1])) end
local rank = tonumber(ARGV[5])
if not rank then
  local number = redis.pcall('INCR', KEYS[5])
  if type(number) == 'table' then
    local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
    number = math.max(0, tonumber(last[2]) or 0) + 1
    redis.call('SET', KEYS[5], string.format('%.0f', number))
  end
  rank = number - tonumber(ARGV[4])
end
redis.call('ZADD', KEYS[1], rank, ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])
addBytes(ARGV[3])
redis.call('SADD', KEYS[6], ARGV[2])
return { string.format('%.0f', rank), redis.call('ZCARD', KEYS[1]), previous }
`);

/** KEYS: as above. ARGV: id. Returns its type, if it waited. */
const LEAVE = new LuaScript(`${COUNT}
local type = redis.call('HGET', KEYS[2], ARGV[1])
if not type then return false end
addBytes(-bytesOf(ARGV[1]))
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
if redis.call('ZCARD', KEYS[1]) == 0 then redis.call('DEL', KEYS[4]) end
return type
`);

/** KEYS: types, used types. ARGV: other types. Returns how many of them all were missing. */
const RESTORE_TYPES = new LuaScript(`
local added = 0
for _, type in ipairs(redis.call('HVALS', KEYS[1])) do added = added + redis.call('SADD', KEYS[2], type) end
for _, type in ipairs(ARGV) do added = added + redis.call('SADD', KEYS[2], type) end
return added
`);

/** KEYS: ranks, total. Returns the number of entries, and their bytes. */
const SIZE = new LuaScript(`return { redis.call('ZCARD', KEYS[1]), redis.call('GET', KEYS[2]) or '0' }`);

/** An entry that was just added to the index. */
interface Entered {
  /** Grows from entry to entry; negative for requeued entries. */
  readonly rank: number;
  /** Number of waiting entries, including this one. */
  readonly waiting: number;
  /** Type under which the same id waited before. */
  readonly previousType: string | undefined;
}

/**
 * The waiting jobs of all types, in order: BullMQ has no order over several queues, and cannot find a job's position
 * in one without reading it. Derived from BullMQ's queues, which are authoritative; see `repair` of the queue.
 */
export class WaitingIndex {
  readonly #connection: RedisConnection;
  readonly #keys: readonly [ranks: string, types: string, bytes: string, total: string, sequence: string];
  /** Key of the set of all types that any server has used. */
  readonly typesKey: string;

  /** @param prefix of all keys, with the hash tag */
  constructor(connection: RedisConnection, prefix: string) {
    this.#connection = connection;
    const key = (name: string) => `${prefix}:waiting:${name}`;
    this.#keys = [key('ranks'), key('types'), key('bytes'), key('total'), key('sequence')];
    this.typesKey = `${prefix}:types`;
  }

  /** Adds an entry after all others, or after all other requeued ones. */
  enter(id: string, type: string, bytes: number, isPutBack: boolean): Promise<Entered> {
    return this.#enter([id, type, bytes, isPutBack ? BEFORE_NEW : 0, '']);
  }

  /** Adds a missing entry in its place. */
  async restore(id: string, type: string, bytes: number, rank: number): Promise<void> {
    await this.#enter([id, type, bytes, 0, rank]);
  }

  async #enter(values: readonly (string | number)[]): Promise<Entered> {
    const keys = [...this.#keys, this.typesKey];
    const answer = await ENTER.run(this.#connection.commands, keys, values);
    const [rank, waiting, previous] = answer as [string, number, string | null];
    return { rank: Number(rank), waiting, previousType: previous ?? undefined };
  }

  /** @returns the entry's type, undefined if it did not wait */
  async leave(id: string): Promise<string | undefined> {
    return ((await LEAVE.run(this.#connection.commands, this.#keys, [id])) as string | null) ?? undefined;
  }

  /** Returns the position: 1 for the next entry; 0 if it does not wait. */
  async position(id: string): Promise<number> {
    const rank = await this.#connection.commands.zrank(this.#keys[0], id);
    return rank === null ? 0 : rank + 1;
  }

  async size(): Promise<QueueSize> {
    const [ranks, , , total] = this.#keys;
    const [jobs, bytes] = (await SIZE.run(this.#connection.commands, [ranks, total], [])) as [number, string];
    return { jobs, bytes: Number(bytes) || 0 };
  }

  /**
   * Adds types that are missing in the set of used types: those of waiting entries, and others.
   * @returns whether any were missing; nobody found their entries
   */
  async restoreTypes(others: readonly string[]): Promise<boolean> {
    const keys = [this.#keys[1], this.typesKey];
    return ((await RESTORE_TYPES.run(this.#connection.commands, keys, others)) as number) > 0;
  }

  /** Ids of all waiting entries. For repairs only: there may be very many. */
  async ids(): Promise<string[]> {
    return this.#connection.commands.zrange(this.#keys[0], '0', '-1');
  }
}
