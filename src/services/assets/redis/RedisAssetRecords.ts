import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { LuaScript } from '../../queue/redis/LuaScript.js';
import { type AssetRecords, type ClientAsset, MAX_LISTED } from '../AssetRecords.js';

/** KEYS: records, times, ids of the same bytes. ARGV: id, record, expiry, time of creation. */
const PUT = new LuaScript(`
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
redis.call('ZADD', KEYS[3], ARGV[4], ARGV[1])
`);

/** KEYS: records, times. ARGV: id, record, expiry. Returns 1 if the record exists. */
const RENEW = new LuaScript(`
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
if tonumber(redis.call('ZSCORE', KEYS[2], ARGV[1]) or 0) < tonumber(ARGV[3]) then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
end
return 1
`);

/** KEYS: records, times, ids of the same bytes. ARGV: id. Returns 1 if the record existed. */
const DELETE = new LuaScript(`
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
return redis.call('HDEL', KEYS[1], ARGV[1])
`);

const recordShape = z.object({
  id: z.string(),
  hash: z.string(),
  sizeBytes: z.number(),
  contentType: z.string(),
  filePath: z.string().optional(),
  owner: z.string().optional(),
  createdTime: z.number(),
  expiresTime: z.number(),
});

/**
 * Records that servers share. Keys, under `{prefix}:client-assets`: `:records`, a hash by id; `:times`, a sorted set of ids by
 * their expiry; `:of:<digest>`, a sorted set of ids by their creation, for each owner and hash. A record takes about 500 bytes.
 */
export class RedisAssetRecords implements AssetRecords {
  readonly #redis: { readonly commands: Redis };
  readonly #prefix: string;

  /** @param prefix of all keys, with the hash tag */
  constructor(redis: { readonly commands: Redis }, prefix: string) {
    this.#redis = redis;
    this.#prefix = `${prefix}:client-assets`;
  }

  async put(asset: ClientAsset): Promise<void> {
    const { id, owner, hash, createdTime, expiresTime } = asset;
    const values = [id, JSON.stringify(asset), expiresTime, createdTime];
    await PUT.run(this.#redis.commands, this.#keys(owner, hash), values);
  }

  async renew(asset: ClientAsset): Promise<boolean> {
    const { id, owner, hash, expiresTime } = asset;
    const [records, times] = this.#keys(owner, hash);
    const values = [id, JSON.stringify(asset), expiresTime];
    return (await RENEW.run(this.#redis.commands, [records, times], values)) === 1;
  }

  async get(id: string): Promise<ClientAsset | undefined> {
    return recordOf(await this.#redis.commands.hget(`${this.#prefix}:records`, id));
  }

  async delete(id: string): Promise<ClientAsset | undefined> {
    const asset = await this.get(id);
    if (!asset) {
      // An unreadable record must not be returned as expired again and again.
      await this.#redis.commands.zrem(`${this.#prefix}:times`, id);
      return undefined;
    }
    const keys = this.#keys(asset.owner, asset.hash);
    return (await DELETE.run(this.#redis.commands, keys, [id])) === 1 ? asset : undefined;
  }

  async ofHash(owner: string | undefined, hash: string): Promise<ClientAsset[]> {
    const [records, , ids] = this.#keys(owner, hash);
    const newest = await this.#redis.commands.zrevrange(ids, 0, MAX_LISTED - 1);
    if (newest.length === 0) return [];
    const texts = await this.#redis.commands.hmget(records, ...newest);
    return texts.flatMap((text) => recordOf(text) ?? []);
  }

  expired(time: number): Promise<string[]> {
    return this.#redis.commands.zrangebyscore(`${this.#prefix}:times`, '-inf', time, 'LIMIT', 0, MAX_LISTED);
  }

  #keys(owner: string | undefined, hash: string): [records: string, times: string, ids: string] {
    const digest = createHash('sha256')
      .update(JSON.stringify([owner ?? null, hash]))
      .digest('base64url');
    return [`${this.#prefix}:records`, `${this.#prefix}:times`, `${this.#prefix}:of:${digest}`];
  }
}

/** A damaged record counts as missing. */
function recordOf(text: string | null | undefined): ClientAsset | undefined {
  if (text === null || text === undefined) return undefined;
  try {
    const { filePath, owner, ...rest } = recordShape.parse(JSON.parse(text));
    return { ...rest, filePath, owner };
  } catch {
    return undefined;
  }
}
