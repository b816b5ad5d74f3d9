import type { ClientRateLimitInfo, Options, Store } from 'express-rate-limit';
import type { RedisReply } from 'rate-limit-redis';
import { messageOf } from '../../../errors.js';
import type { Clock } from '../../../utils/clock.js';
import { settledWithin } from '../../../utils/deadline.js';
import type { Logger } from '../../../utils/logger.js';
import type { RedisConnection } from '../../queue/redis/RedisConnection.js';
import { MinuteStore } from '../MinuteStore.js';

/** How long a request waits for its count, ms. */
const PATIENCE_MS = 1000;
/** Pause after a failed count before Redis is asked again, ms. */
const PAUSE_MS = 1000;

interface Parts {
  readonly connection: Pick<RedisConnection, 'commands' | 'isAvailable'>;
  /** Prefix of all keys, with the hash tag. */
  readonly prefix: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Counts the requests to all servers in Redis, by the TTL of its keys: no server clock matters.
 * ¶ Keys: `{prefix}:rate:<client>`, one per client, for a minute. A request is one command.
 * ¶ During an outage of Redis each server counts for itself: a limit must neither fail a request nor delay it.
 * Earlier requests to this server still count, so that a client has at most the limit of each server.
 */
export class SharedMinuteStore implements Store {
  readonly #parts: Parts;
  readonly #own: MinuteStore;
  #options: Options | undefined;
  #shared: Promise<Store> | undefined;
  /** By the monotonic clock. */
  #pausedUntil = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#own = new MinuteStore(parts.clock);
  }

  init(options: Options): void {
    this.#options = options;
  }

  /**
   * Prepares the scripts if there is a limit, so that the first request need not wait. Never rejects: later requests
   * retry.
   */
  async start(): Promise<void> {
    if (!this.#options) return;
    this.#shared ??= this.#open();
    await this.#shared.catch(this.#onError);
  }

  async increment(key: string): Promise<ClientRateLimitInfo> {
    const own = this.#own.increment(key);
    const { connection, clock } = this.#parts;
    if (!connection.isAvailable || clock.now() < this.#pausedUntil) return own;
    this.#shared ??= this.#open();
    try {
      const counted = this.#shared.then((store) => store.increment(key));
      return await settledWithin(PATIENCE_MS, counted);
    } catch (error) {
      // Another client's count must not suffer, and this one's begins again.
      if (isDamage(error)) connection.commands.del(`${this.#prefix}${key}`).catch(() => undefined);
      else this.#onError(error);
      return own;
    }
  }

  get #prefix(): string {
    return `${this.#parts.prefix}:rate:`;
  }

  /** Locally only, like `resetKey`: the limit never undoes a count. */
  decrement(key: string): void {
    this.#own.decrement(key);
  }

  resetKey(key: string): void {
    this.#own.resetKey(key);
  }

  /** The library's store stays unusable if its scripts could not be sent: the next request creates a new one. */
  readonly #onError = (error: unknown): void => {
    const { clock, logger } = this.#parts;
    this.#shared = undefined;
    this.#pausedUntil = clock.now() + PAUSE_MS;
    logger.debug('Requests could not be counted in Redis', { error: messageOf(error) });
  };

  /** The library is loaded only if needed. */
  async #open(): Promise<Store> {
    const { connection } = this.#parts;
    const { RedisStore } = await import('rate-limit-redis');
    const store = new RedisStore({
      prefix: this.#prefix,
      // It checks the responses itself.
      sendCommand: (command, ...values) =>
        connection.commands.call(command, ...values) as Promise<RedisReply>,
    });
    if (this.#options) await store.init(this.#options);
    return store;
  }
}

/** Whether Redis rejected a command because of the stored value. */
function isDamage(error: unknown): boolean {
  return /WRONGTYPE|not an integer/.test(messageOf(error));
}
