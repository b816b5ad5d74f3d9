import type { MachineChanges } from '../MachineChanges.js';
import type { RedisConnection } from './RedisConnection.js';

/** The hash `{prefix}:machines`: manual changes by name. It contains the auth headers of machines added through the API. */
export class RedisMachineChanges implements MachineChanges {
  readonly #connection: Pick<RedisConnection, 'commands'>;
  readonly #key: string;

  /** @param base prefix of all keys */
  constructor(connection: Pick<RedisConnection, 'commands'>, base: string) {
    this.#connection = connection;
    this.#key = `${base}:machines`;
  }

  async all(): Promise<ReadonlyMap<string, string>> {
    return new Map(Object.entries(await this.#connection.commands.hgetall(this.#key)));
  }

  async put(name: string, text: string | undefined): Promise<void> {
    if (text === undefined) await this.#connection.commands.hdel(this.#key, name);
    else await this.#connection.commands.hset(this.#key, name, text);
  }
}
