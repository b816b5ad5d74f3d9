import { z } from 'zod';
import type { KnownMachines } from '../KnownMachines.js';
import { LuaScript } from './LuaScript.js';
import type { RedisConnection } from './RedisConnection.js';

/** How long a host is kept that no server tells, ms: longer than the restart of a server. */
const KEPT_MS = 30_000;

/** KEYS: the sorted set. ARGV: how long hosts are kept in ms, this server's hosts. Returns all hosts. The clock is that of Redis. */
const TELL = new LuaScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for n = 2, #ARGV do redis.call('ZADD', KEYS[1], now, ARGV[n]) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return redis.call('ZRANGE', KEYS[1], 0, -1)
`);

const hostsOf = z.array(z.string());

/** The sorted set `{prefix}:known-machines`: each host, by the time when a server last told it. */
export class RedisKnownMachines implements KnownMachines {
  readonly #connection: Pick<RedisConnection, 'commands'>;
  readonly #key: string;
  readonly #keptMs: number;

  /** @param base prefix of all keys */
  constructor(connection: Pick<RedisConnection, 'commands'>, base: string, keptMs = KEPT_MS) {
    this.#connection = connection;
    this.#key = `${base}:known-machines`;
    this.#keptMs = keptMs;
  }

  async tell(hosts: readonly string[]): Promise<ReadonlySet<string>> {
    const all = await TELL.run(this.#connection.commands, [this.#key], [this.#keptMs, ...hosts]);
    return new Set(hostsOf.parse(all));
  }
}
