import { messageOf } from '../../../errors.js';
import { Listeners } from '../../../utils/Listeners.js';
import type { Logger } from '../../../utils/logger.js';
import { Repeater } from '../../../utils/Repeater.js';
import type { ForcedHosts } from '../ForcedHosts.js';
import { LuaScript } from './LuaScript.js';
import type { RedisConnection } from './RedisConnection.js';

/** Poll interval for changes by other servers, ms. */
const LOOK_MS = 1000;

/** KEYS: the hash. ARGV: now, then each changed host and whether it is forced. Returns every forced host. */
const CHANGE = new LuaScript(`
for n = 2, #ARGV, 2 do
  if ARGV[n + 1] == '1' then redis.call('HSET', KEYS[1], ARGV[n], ARGV[1])
  else redis.call('HDEL', KEYS[1], ARGV[n]) end
end
return redis.call('HKEYS', KEYS[1])
`);

interface Parts {
  readonly connection: Pick<RedisConnection, 'commands'>;
  /** Prefix of all keys, with the hash tag. */
  readonly prefix: string;
  readonly logger: Logger;
}

/**
 * The hash `{prefix}:breakers`: each host, and since when (epoch ms). Servers read it every second, so that a server
 * that was disconnected misses nothing. During an outage of Redis nothing changes.
 */
export class RedisForcedHosts implements ForcedHosts {
  readonly #parts: Parts;
  readonly #key: string;
  readonly #listeners: Listeners<[hosts: ReadonlySet<string>]>;
  readonly #looks: Repeater;
  /** Changes on this server that Redis may not have yet. */
  readonly #untold = new Map<string, boolean>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#key = `${parts.prefix}:breakers`;
    this.#listeners = new Listeners((error) =>
      parts.logger.error('A Redis listener failed', { error: messageOf(error) }),
    );
    this.#looks = new Repeater(() => this.#look(), LOOK_MS, this.#onError);
  }

  /** Reads once, and then every second. @throws the rejection of Redis */
  async start(): Promise<void> {
    await this.#looks.now();
    this.#looks.start();
  }

  stop(): void {
    this.#looks.stop();
  }

  async set(host: string, isForced: boolean): Promise<void> {
    this.#untold.set(host, isForced);
    await this.#looks.now().catch(this.#onError);
  }

  onHosts(listener: (hosts: ReadonlySet<string>) => void): () => void {
    return this.#listeners.add(listener);
  }

  async #look(): Promise<void> {
    const told = [...this.#untold];
    const values = told.flatMap(([host, isForced]) => [host, isForced ? '1' : '0']);
    const answer = await CHANGE.run(this.#parts.connection.commands, [this.#key], [Date.now(), ...values]);
    for (const [host, isForced] of told) {
      if (this.#untold.get(host) === isForced) this.#untold.delete(host);
    }
    const hosts = new Set(Array.isArray(answer) ? answer.map(String) : []);
    // Changes made in the meantime are already effective here.
    for (const [host, isForced] of this.#untold) {
      if (isForced) hosts.add(host);
      else hosts.delete(host);
    }
    this.#listeners.tell(hosts);
  }

  /** The connection logs outages; this is for debugging. */
  readonly #onError = (error: unknown): void => {
    this.#parts.logger.debug('Breakers could not be read from Redis', { error: messageOf(error) });
  };
}
