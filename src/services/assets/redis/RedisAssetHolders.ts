import type { Redis } from 'ioredis';
import { v4 as uuid } from 'uuid';
import { sleep } from '../../../utils/timers.js';
import { LuaScript } from '../../queue/redis/LuaScript.js';
import { AssetError } from '../AssetError.js';
import type { AssetHolders } from '../AssetHolders.js';
import type { AuditedHolders, Hold } from '../HolderAudit.js';

/** How long others wait for a server that died while it deleted an asset, ms. */
const MARK_MS = 15_000;
/**
 * Poll interval while another server deletes an asset, ms. A deletion takes a millisecond, or as long as a bucket
 * needs.
 */
const FIRST_LOOK_MS = 5;
const LAST_LOOK_MS = 200;
/** Holders per step of a scan. */
const WALK_STEP = 500;

/** Lines of the scripts below: the time, ms. */
const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/** Lines of the scripts below: adds ARGV[2], with the time. */
const ADD = `
${NOW}
if redis.call('ZADD', KEYS[2], now, ARGV[2]) == 1 then
  redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
end
`;

/** KEYS: counts, holders, mark. ARGV: hash, member. Returns 1 during a deletion. */
const TAKE = new LuaScript(`${ADD} return redis.call('EXISTS', KEYS[3])`);

/** KEYS: counts, holders. ARGV: hash, member. Returns 0 if it has no holder. */
const SHARE = new LuaScript(`
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
${ADD}
return 1
`);

/**
 * KEYS: counts, holders, mark. ARGV: hash, member, token, lifetime of the mark. Returns 1 if nobody holds the asset
 * and the mark is this server's, also from a call whose response was lost.
 */
const RELEASE = new LuaScript(`
if redis.call('ZREM', KEYS[2], ARGV[2]) == 1 and redis.call('HINCRBY', KEYS[1], ARGV[1], -1) <= 0 then
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('SET', KEYS[3], ARGV[3], 'NX', 'PX', ARGV[4])
end
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 or redis.call('GET', KEYS[3]) ~= ARGV[3] then return 0 end
redis.call('PEXPIRE', KEYS[3], ARGV[4])
return 1
`);

/** KEYS: counts, mark. ARGV: hash, token, lifetime of the mark. Returns the same as RELEASE. */
const CLAIM = new LuaScript(`
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3])
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 1
`);

/** KEYS: processes. ARGV: id. */
const GIVE_SIGN = new LuaScript(`${NOW} redis.call('ZADD', KEYS[1], now, ARGV[1])`);

/** KEYS: processes. ARGV: id. Returns the time since its last sign, ms. */
const SILENCE = new LuaScript(`${NOW}
redis.call('ZADD', KEYS[1], 'NX', now, ARGV[1])
return now - redis.call('ZSCORE', KEYS[1], ARGV[1])
`);

/** KEYS: processes. ARGV: time since the last sign, ms. */
const FORGET_SILENT = new LuaScript(`${NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1])
`);

/** KEYS: mark. ARGV: token, new lifetime of the mark: 0 to remove it. */
const KEEP_MARK = new LuaScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
`);

/**
 * Holders for servers that share the assets. They outlive the servers.
 * ¶ Keys, under `{prefix}:assets:`: `counts`, a hash with the number of holders of each asset; `holders`, a sorted
 * set of `<hash> <name>` by the time of the hold, by the clock of Redis; `deleting:<hash>`, the mark of a deletion;
 * `audit`; `processes`, a sorted set of ids by the time of the last sign of life. A hold takes about 300 bytes.
 */
export class RedisAssetHolders implements AssetHolders, AuditedHolders {
  readonly #redis: { readonly commands: Redis };
  readonly #prefix: string;
  readonly #markMs: number;
  readonly #counts: string;
  readonly #holders: string;
  readonly #processes: string;
  readonly #token = uuid();
  /** Deletions of this server, with the timers that renew their marks. */
  readonly #deletions = new Map<string, NodeJS.Timeout>();

  /**
   * @param prefix of all keys, with the hash tag
   * @param markMs lifetime of the mark of a deletion that is not renewed
   */
  constructor(redis: { readonly commands: Redis }, prefix: string, markMs = MARK_MS) {
    this.#redis = redis;
    this.#prefix = `${prefix}:assets`;
    this.#markMs = markMs;
    this.#counts = `${this.#prefix}:counts`;
    this.#holders = `${this.#prefix}:holders`;
    this.#processes = `${this.#prefix}:processes`;
  }

  async take(hash: string, holder: string): Promise<void> {
    const mark = this.#markOf(hash);
    const keys = [this.#counts, this.#holders, mark];
    let isMarked = (await TAKE.run(this.#redis.commands, keys, [hash, memberOf(hash, holder)])) === 1;
    for (let wait = FIRST_LOOK_MS; isMarked; wait = Math.min(LAST_LOOK_MS, wait * 2)) {
      await sleep(wait);
      isMarked = (await this.#redis.commands.exists(mark)) === 1;
    }
  }

  async share(hash: string, holder: string): Promise<void> {
    const keys = [this.#counts, this.#holders];
    const found = await SHARE.run(this.#redis.commands, keys, [hash, memberOf(hash, holder)]);
    if (found !== 1) throw AssetError.notFound(hash);
  }

  release(hash: string, holder: string): Promise<boolean> {
    return this.#begin(hash, (mark) => {
      const values = [hash, memberOf(hash, holder), this.#token, this.#markMs];
      return RELEASE.run(this.#redis.commands, [this.#counts, this.#holders, mark], values);
    });
  }

  claim(hash: string): Promise<boolean> {
    return this.#begin(hash, (mark) =>
      CLAIM.run(this.#redis.commands, [this.#counts, mark], [hash, this.#token, this.#markMs]),
    );
  }

  async deleted(hash: string): Promise<void> {
    clearInterval(this.#deletions.get(hash));
    try {
      await KEEP_MARK.run(this.#redis.commands, [this.#markOf(hash)], [this.#token, 0]);
    } finally {
      // Only now: a late response to an earlier `release` must not start it again.
      this.#deletions.delete(hash);
    }
  }

  close(): readonly string[] {
    return [];
  }

  async *walk(): AsyncGenerator<Hold, void> {
    const [seconds] = await this.#redis.commands.time();
    let cursor = '0';
    do {
      const [next, found] = await this.#redis.commands.zscan(this.#holders, cursor, 'COUNT', WALK_STEP);
      for (let n = 0; n + 1 < found.length; n += 2) {
        const [hash = '', ...rest] = found[n]?.split(' ') ?? [];
        yield { hash, holder: rest.join(' '), ageMs: Number(seconds) * 1000 - Number(found[n + 1]) };
      }
      cursor = next;
    } while (cursor !== '0');
  }

  async beginAudit(intervalMs: number): Promise<boolean> {
    return (
      (await this.#redis.commands.set(`${this.#prefix}:audit`, this.#token, 'PX', intervalMs, 'NX')) === 'OK'
    );
  }

  async giveSign(processId: string): Promise<void> {
    await GIVE_SIGN.run(this.#redis.commands, [this.#processes], [processId]);
  }

  async silenceOf(processId: string): Promise<number> {
    return Number(await SILENCE.run(this.#redis.commands, [this.#processes], [processId]));
  }

  async forgetSilent(ms: number): Promise<void> {
    await FORGET_SILENT.run(this.#redis.commands, [this.#processes], [ms]);
  }

  /** @param ask returns 1 if the asset has no holder and this server's mark is set */
  async #begin(hash: string, ask: (mark: string) => Promise<unknown>): Promise<boolean> {
    const mark = this.#markOf(hash);
    const askedAt = performance.now();
    const isFree = (await ask(mark)) === 1;
    // The mark may be gone again: a sweep finds the bytes.
    const isLate = performance.now() - askedAt >= this.#markMs;
    if (!isFree || isLate || this.#deletions.has(hash)) return false;
    const renew = () => {
      KEEP_MARK.run(this.#redis.commands, [mark], [this.#token, this.#markMs]).catch(() => undefined);
    };
    this.#deletions.set(hash, setInterval(renew, this.#markMs / 3));
    return true;
  }

  #markOf(hash: string): string {
    return `${this.#prefix}:deleting:${hash}`;
  }
}

/** A hash contains no space. */
function memberOf(hash: string, holder: string): string {
  return `${hash} ${holder}`;
}
