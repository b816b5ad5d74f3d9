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
/** After a count that failed, before Redis is asked again, ms. */
const PAUSE_MS = 1000;

interface Parts {
  readonly connection: Pick<RedisConnection, 'commands' | 'isAvailable'>;
  /** Of all keys, with the hash tag. */
  readonly prefix: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Counts the requests to all servers in Redis, by the time to live of its keys: no clock of a server matters.
 *
 * Keys: `{prefix}:rate:<client>`, one for each client, for a minute. A request is one command.
 *
 * While Redis is away each server counts for itself: a limit must neither fail a request nor hold it up. What came to this
 * server before counts on, so that a client has at most the limit of each server.
 */
export class SharedMinuteStore implements Store {
  readonly #parts: Parts;
  readonly #own: MinuteStore;
  #options: Options | undefined;
  #shared: Promise<Store> | undefined;
  /** By the clock that only moves forward. */
  #pausedUntil = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#own = new MinuteStore(parts.clock);
  }

  init(options: Options): void {
    this.#options = options;
  }

  /** Gets ready where there is a limit, so that the first request need not wait. Never rejects: later requests try again. */
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
      this.#onError(error);
      return own;
    }
  }

  /** Here alone, as `resetKey`: the limit takes nothing back. */
  decrement(key: string): void {
    this.#own.decrement(key);
  }

  resetKey(key: string): void {
    this.#own.resetKey(key);
  }

  /** The library's store stays unusable when its scripts could not be sent: there is a new one next time. */
  readonly #onError = (error: unknown): void => {
    const { clock, logger } = this.#parts;
    this.#shared = undefined;
    this.#pausedUntil = clock.now() + PAUSE_MS;
    logger.debug('Requests could not be counted in Redis', { error: messageOf(error) });
  };

  /** The library is loaded only where it is needed. */
  async #open(): Promise<Store> {
    const { connection, prefix } = this.#parts;
    const { RedisStore } = await import('rate-limit-redis');
    const store = new RedisStore({
      prefix: `${prefix}:rate:`,
      // It checks the answers itself.
      sendCommand: (command, ...values) =>
        connection.commands.call(command, ...values) as Promise<RedisReply>,
    });
    if (this.#options) await store.init(this.#options);
    return store;
  }
}
