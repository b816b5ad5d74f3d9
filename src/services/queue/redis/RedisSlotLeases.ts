import type { Redis } from 'ioredis';
import { v4 as uuid } from 'uuid';
import { z } from 'zod';
import { messageOf } from '../../../errors.js';
import type { Logger } from '../../../utils/logger.js';
import type { LimitReached, SlotLease, SlotLeases } from '../SlotLeases.js';
import { LuaScript } from './LuaScript.js';
import { Subscription } from './Subscription.js';

interface LeaseTimings {
  /** Lifetime of a lease that is not renewed, ms. */
  readonly leaseMs: number;
  /** Interval of renewals, which also read the leases of other servers, in case a message was lost, ms. */
  readonly renewMs: number;
}

const LEASE_TIMINGS: LeaseTimings = { leaseMs: 15_000, renewMs: 1000 };

interface Parts {
  /** One client for commands, which rejects after a bounded time, and one for subscriptions. */
  readonly connection: { readonly commands: Redis; readonly subscriber: Redis };
  /** Prefix of all keys, with the hash tag. */
  readonly prefix: string;
  readonly logger: Logger;
}

/** The clock of Redis: those of the servers may differ. */
const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

// A script and not a library: semaphores have one limit each. With two of them, one after the other, servers that ask
// at the same time take slots from each other that none of them can use.
/**
 * KEYS: host, all. ARGV: token, host, limit of the host, limit of all, limit of others and own slots, lease in ms, channel. Returns
 * 'taken' or the limit, and the number of slots that were taken on the host.
 */
const ACQUIRE = new LuaScript(`${NOW}
for _, key in ipairs(KEYS) do redis.call('ZREMRANGEBYSCORE', key, '-inf', now) end
local taken = redis.call('ZCARD', KEYS[1])
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[4]) then return {'limit of all', taken} end
if taken >= tonumber(ARGV[3]) then return {'limit of host', taken} end
if taken > tonumber(ARGV[5]) then return {'limit of others', taken} end
for _, key in ipairs(KEYS) do
  redis.call('ZADD', key, now + ARGV[6], ARGV[1])
  redis.call('PEXPIRE', key, ARGV[6])
end
redis.call('PUBLISH', ARGV[7], (taken + 1) .. ' ' .. ARGV[2])
return {'taken', taken}
`);

const acquired = z.tuple([z.enum(['taken', 'limit of host', 'limit of all', 'limit of others']), z.number()]);

/**
 * KEYS: host, all. ARGV: token, host, channel. Always sent in full: if Redis did not know the hash, the text would
 * have to follow, after what this server requests next.
 */
const RELEASE = `
for _, key in ipairs(KEYS) do redis.call('ZREM', key, ARGV[1]) end
redis.call('PUBLISH', ARGV[3], redis.call('ZCARD', KEYS[1]) .. ' ' .. ARGV[2])
`;

/**
 * KEYS: all, and the host of each token. ARGV: lease in ms, tokens. Returns every token. An expired lease is
 * restored: its job is on the machine in any case. Always sent in full, like RELEASE: sent again after a later RELEASE, it would
 * take the released slots again.
 */
const RENEW = `${NOW}
for n = 2, #KEYS do
  redis.call('ZADD', KEYS[n], now + ARGV[1], ARGV[n])
  redis.call('PEXPIRE', KEYS[n], ARGV[1])
  redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[n])
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
return redis.call('ZRANGE', KEYS[1], 0, -1)
`;

/**
 * Slots in Redis: one sorted set for each host and one for all, of tokens by their expiry.
 * ¶ Keys: `{prefix}:slots:<host>` and `{prefix}:slots`, deleted when empty. A slot takes about 300 bytes and two
 * commands; each server sends one more per second, to renew all of its slots. Servers learn of each other's slots by
 * the channels `{prefix}:slot-taken` and `{prefix}:slot-released`.
 */
export class RedisSlotLeases implements SlotLeases {
  readonly #parts: Parts;
  readonly #timings: LeaseTimings;
  readonly #key: string;
  readonly #taken: string;
  readonly #released: string;
  readonly #listeners = new Set<(host: string) => void>();
  /** Tokens of this server: an id, and the host. */
  readonly #held = new Set<string>();
  /** Tokens that Redis may still have, because it did not respond. */
  readonly #unreleased = new Set<string>();
  /** Slots by host: of all servers, of this one, of the others. */
  readonly #all = new Map<string, number>();
  readonly #own = new Map<string, number>();
  readonly #others = new Map<string, number>();
  /** Hosts with a message during a renewal: the message is newer. */
  readonly #told = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #subscription: Subscription | undefined;
  #isStopped = false;

  constructor(parts: Parts, timings: LeaseTimings = LEASE_TIMINGS) {
    this.#parts = parts;
    this.#timings = timings;
    this.#key = `${parts.prefix}:slots`;
    this.#taken = `${parts.prefix}:slot-taken`;
    this.#released = `${parts.prefix}:slot-released`;
  }

  /** Subscribes to other servers and starts to renew leases. @throws the rejection of Redis */
  async start(): Promise<void> {
    const { subscriber } = this.#parts.connection;
    const listener = {
      onMessage: (_channel: string, text: string) => {
        const host = hostOf(text);
        this.#told.add(host);
        this.#count(host, Number.parseInt(text, 10));
      },
    };
    const channels = [this.#taken, this.#released];
    this.#subscription = await Subscription.begin(subscriber, channels, listener, this.#parts.logger);
    await this.#renew();
    this.#renewLater();
  }

  /** Stops everything. Slots that are still held become free when their lease expires. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#subscription?.stop();
  }

  async acquire(
    host: string,
    limitPerHost: number,
    limitOfAll: number,
    limitOfOthers = Number.MAX_SAFE_INTEGER,
  ): Promise<SlotLease | LimitReached> {
    const token = `${uuid()} ${host}`;
    const limit = limitOfOthers + (this.#own.get(host) ?? 0);
    const values = [token, host, limitPerHost, limitOfAll, limit, this.#timings.leaseMs, this.#taken];
    let result: z.output<typeof acquired>;
    try {
      result = acquired.parse(await ACQUIRE.run(this.#parts.connection.commands, this.#keysOf(host), values));
    } catch (error) {
      // It may have been executed.
      void this.#giveBack(token);
      throw error;
    }
    const [answer, taken] = result;
    if (answer !== 'taken') {
      this.#count(host, taken);
      return answer;
    }
    this.#held.add(token);
    add(this.#own, host, 1);
    this.#compare(host);
    return { release: () => this.#release(token, host) };
  }

  onReleased(listener: (host: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  used(): ReadonlyMap<string, number> {
    return this.#others;
  }

  #release(token: string, host: string): void {
    if (!this.#held.delete(token)) return;
    add(this.#own, host, -1);
    // Until the message arrives, it would count as another server's.
    add(this.#all, host, -1);
    this.#compare(host);
    void this.#giveBack(token);
  }

  /** Never rejects: the next renewal repeats a failure. */
  async #giveBack(token: string): Promise<void> {
    const host = hostOf(token);
    try {
      await this.#parts.connection.commands.eval(
        RELEASE,
        2,
        ...this.#keysOf(host),
        token,
        host,
        this.#released,
      );
    } catch (error) {
      this.#unreleased.add(token);
      this.#onError(error);
    }
  }

  #renewLater(): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(async () => {
      await this.#renew().catch(this.#onError);
      this.#renewLater();
    }, this.#timings.renewMs);
  }

  /** Renews leases, and reads those of the others. */
  async #renew(): Promise<void> {
    const again = [...this.#unreleased];
    this.#unreleased.clear();
    for (const token of again) void this.#giveBack(token);
    const held = [...this.#held];
    const keys = [this.#key, ...held.map((token) => this.#keyOf(hostOf(token)))];
    this.#told.clear();
    const { commands } = this.#parts.connection;
    const tokens = await commands.eval(RENEW, keys.length, ...keys, this.#timings.leaseMs, ...held);
    if (Array.isArray(tokens)) this.#learn(tokens.map(String));
  }

  #learn(tokens: readonly string[]): void {
    const all = new Map<string, number>();
    for (const token of tokens) add(all, hostOf(token), 1);
    for (const host of new Set([...this.#all.keys(), ...all.keys()])) {
      if (!this.#told.has(host)) this.#count(host, all.get(host) ?? 0);
    }
  }

  #count(host: string, all: number): void {
    if (all > 0) this.#all.set(host, all);
    else this.#all.delete(host);
    if (this.#compare(host)) for (const listener of this.#listeners) listener(host);
  }

  /** @returns whether the others have fewer slots than before */
  #compare(host: string): boolean {
    const before = this.#others.get(host) ?? 0;
    const others = (this.#all.get(host) ?? 0) - (this.#own.get(host) ?? 0);
    if (others > 0) this.#others.set(host, others);
    else this.#others.delete(host);
    return others < before;
  }

  /** The connection logs outages; this is for debugging. */
  readonly #onError = (error: unknown): void => {
    this.#parts.logger.debug('Slots could not be counted in Redis', { error: messageOf(error) });
  };

  #keyOf(host: string): string {
    return `${this.#key}:${host}`;
  }

  #keysOf(host: string): [host: string, all: string] {
    return [this.#keyOf(host), this.#key];
  }
}

/** Returns the host in a token or a message, after the first space. */
function hostOf(text: string): string {
  return text.slice(text.indexOf(' ') + 1);
}

function add(counts: Map<string, number>, host: string, change: number): void {
  const count = (counts.get(host) ?? 0) + change;
  if (count > 0) counts.set(host, count);
  else counts.delete(host);
}
