import type { WorkflowTexts } from '../../../workflows/files/WorkflowTexts.js';
import { LuaScript } from './LuaScript.js';
import type { RedisConnection } from './RedisConnection.js';

/** KEYS: versions, texts. ARGV: type, version, text. Returns 1 for a new type. */
const PUT = new LuaScript(`
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
return redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
`);

/** KEYS: versions, texts. ARGV: type. Returns 1 for an existing type. */
const DELETE = new LuaScript(`
redis.call('HDEL', KEYS[2], ARGV[1])
return redis.call('HDEL', KEYS[1], ARGV[1])
`);

/**
 * Two hashes by type: `{prefix}:workflow-versions`, which every server reads every second, and
 * `{prefix}:workflow-texts`, of which it reads the changed ones.
 */
export class RedisWorkflowTexts implements WorkflowTexts {
  readonly #connection: Pick<RedisConnection, 'commands'>;
  readonly #keys: readonly [versions: string, texts: string];

  /** @param base prefix of all keys */
  constructor(connection: Pick<RedisConnection, 'commands'>, base: string) {
    this.#connection = connection;
    this.#keys = [`${base}:workflow-versions`, `${base}:workflow-texts`];
  }

  async versions(): Promise<ReadonlyMap<string, string>> {
    return new Map(Object.entries(await this.#connection.commands.hgetall(this.#keys[0])));
  }

  async read(types: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const texts = await this.#connection.commands.hmget(this.#keys[1], ...types);
    return new Map(
      types.flatMap((type, at): [string, string][] => {
        const text = texts[at];
        return typeof text === 'string' ? [[type, text]] : [];
      }),
    );
  }

  async put(type: string, version: string, text: string): Promise<boolean> {
    return (await PUT.run(this.#connection.commands, this.#keys, [type, version, text])) === 1;
  }

  async delete(type: string): Promise<boolean> {
    return (await DELETE.run(this.#connection.commands, this.#keys, [type])) === 1;
  }
}
