import { messageOf } from '../../../errors.js';
import { Listeners } from '../../../utils/Listeners.js';
import type { Logger } from '../../../utils/logger.js';
import { Repeater } from '../../../utils/Repeater.js';
import type { ForcedHosts } from '../ForcedHosts.js';
import { LuaScript } from './LuaScript.js';
import type { RedisConnection } from './RedisConnection.js';

/** Between two looks at what other servers were told, ms. */
const LOOK_MS = 1000;

/** KEYS: the hash. ARGV: now, then each host that changed and whether it is forced. Returns every host that is. */
const CHANGE = new LuaScript(`
for n = 2, #ARGV, 2 do
  if ARGV[n + 1] == '1' then redis.call('HSET', KEYS[1], ARGV[n], ARGV[1])
  else redis.call('HDEL', KEYS[1], ARGV[n]) end
end
return redis.call('HKEYS', KEYS[1])
`);

interface Parts {
  readonly connection: Pick<RedisConnection, 'commands'>;
  /** Of all keys, with the hash tag. */
  readonly prefix: string;
  readonly logger: Logger;
}

/**
 * The hash `{prefix}:breakers`: each host, and since when (epoch ms). Servers read it every second, so that nothing that was
 * said while one of them was cut off is missed. While Redis is away everything stays as it is.
 */
export class RedisForcedHosts implements ForcedHosts {
  readonly #parts: Parts;
  readonly #key: string;
  readonly #listeners: Listeners<[hosts: ReadonlySet<string>]>;
  readonly #looks: Repeater;
  /** What this server was told, and Redis may not know yet. */
  readonly #untold = new Map<string, boolean>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#key = `${parts.prefix}:breakers`;
    this.#listeners = new Listeners((error) =>
      parts.logger.error('A Redis listener failed', { error: messageOf(error) }),
    );
    this.#looks = new Repeater(() => this.#look(), LOOK_MS, this.#onError);
  }

  /** Looks once, and every second from then on. @throws what Redis rejects with */
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
    // What came in the meantime holds here already.
    for (const [host, isForced] of this.#untold) {
      if (isForced) hosts.add(host);
      else hosts.delete(host);
    }
    this.#listeners.tell(hosts);
  }

  /** The connection tells of outages; this is for whoever looks closely. */
  readonly #onError = (error: unknown): void => {
    this.#parts.logger.debug('Breakers could not be read from Redis', { error: messageOf(error) });
  };
}
