import { z } from 'zod';
import type { Announcements } from '../Announcements.js';
import { LuaScript } from './LuaScript.js';
import type { RedisConnection } from './RedisConnection.js';

/** KEYS: the sorted set. ARGV: how long texts are kept in ms, this server's texts. Returns all texts. The clock is that of Redis. */
const TELL = new LuaScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for n = 2, #ARGV do redis.call('ZADD', KEYS[1], now, ARGV[n]) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return redis.call('ZRANGE', KEYS[1], 0, -1)
`);

const textsOf = z.array(z.string());

/** A sorted set of texts by the time when a server last told them. */
export class RedisAnnouncements implements Announcements {
  readonly #connection: Pick<RedisConnection, 'commands'>;
  readonly #key: string;
  readonly #keptMs: number;

  /** @param keptMs how long a text is kept that no server tells */
  constructor(connection: Pick<RedisConnection, 'commands'>, key: string, keptMs: number) {
    this.#connection = connection;
    this.#key = key;
    this.#keptMs = keptMs;
  }

  async tell(texts: readonly string[]): Promise<ReadonlySet<string>> {
    const all = await TELL.run(this.#connection.commands, [this.#key], [this.#keptMs, ...texts]);
    return new Set(textsOf.parse(all));
  }
}
