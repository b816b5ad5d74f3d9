import { z } from 'zod';
import type { MachineChanges, MachineChangeTexts } from '../MachineChanges.js';
import { LuaScript } from './LuaScript.js';
import type { RedisConnection } from './RedisConnection.js';

/**
 * The version is a hash of everything, so that changes by other versions of the server count too, and damaged texts that are not
 * UTF-8. If Redis returns the same fields in another order, it looks like a change: then the caller tries again.
 */
const READ_ALL = `
local all = redis.call('HGETALL', KEYS[1])
local version = redis.sha1hex(cmsgpack.pack(all))`;

/** KEYS: the hash. Returns the version, and names and texts in turn. */
const READ = new LuaScript(`${READ_ALL}
return { version, all }
`);

const readResult = z.tuple([z.string(), z.array(z.string())]);

/** KEYS: the hash. ARGV: expected version, name, and the new text unless it is deleted. Returns 1, or 0 for another version. */
const REPLACE = new LuaScript(`${READ_ALL}
if version ~= ARGV[1] then return 0 end
if ARGV[3] then redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
else redis.call('HDEL', KEYS[1], ARGV[2]) end
return 1
`);

/** The hash `{prefix}:machines`: manual changes by name. It contains the auth headers of machines added through the API. */
export class RedisMachineChanges implements MachineChanges {
  readonly #connection: Pick<RedisConnection, 'commands'>;
  readonly #key: string;

  /** @param base prefix of all keys */
  constructor(connection: Pick<RedisConnection, 'commands'>, base: string) {
    this.#connection = connection;
    this.#key = `${base}:machines`;
  }

  async read(): Promise<MachineChangeTexts> {
    const [version, all] = readResult.parse(await READ.run(this.#connection.commands, [this.#key]));
    const texts = new Map<string, string>();
    for (let at = 0; at + 1 < all.length; at += 2) texts.set(all[at] ?? '', all[at + 1] ?? '');
    return { version, texts };
  }

  async replace(version: string, name: string, text: string | undefined): Promise<boolean> {
    const values = text === undefined ? [version, name] : [version, name, text];
    return (await REPLACE.run(this.#connection.commands, [this.#key], values)) === 1;
  }
}
