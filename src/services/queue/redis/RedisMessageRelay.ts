import type { Logger } from '../../../utils/logger.js';
import type { MessageRelay } from '../MessageRelay.js';
import type { RedisConnection } from './RedisConnection.js';
import { Subscription } from './Subscription.js';

/** Maximum number of bytes that Redis has not confirmed. */
const MAX_WAITING = 16 * 1024 * 1024;
/** Maximum size of a message, bytes: Redis disconnects a subscriber for which 32 MB are waiting (its default). */
const MAX_MESSAGE = 16 * 1024 * 1024;

interface Parts {
  readonly connection: RedisConnection;
  /** Prefix of all keys. */
  readonly prefix: string;
  /** A name of this server that is unique for all time. */
  readonly server: string;
  readonly logger: Logger;
}

/**
 * Sends messages over Redis Pub/Sub, with one channel for each server. They use the same two connections as job events, so
 * that none is overtaken by the end of its job.
 */
export class RedisMessageRelay implements MessageRelay {
  readonly #parts: Parts;
  readonly #listeners: Array<(message: Buffer) => void> = [];
  #subscription: Subscription | undefined;
  #waitingBytes = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get server(): string {
    return this.#parts.server;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Starts to receive messages for this server. */
  async start(): Promise<void> {
    const { connection, logger } = this.#parts;
    const onBytes = (_channel: string, message: Buffer) => {
      for (const listener of this.#listeners) listener(message);
    };
    const channels = [this.#channelOf(this.server)];
    this.#subscription = await Subscription.begin(connection.subscriber, channels, { onBytes }, logger);
  }

  stop(): void {
    this.#subscription?.stop();
  }

  async send(server: string, message: Buffer): Promise<boolean> {
    if (message.length > MAX_MESSAGE || this.#waitingBytes > MAX_WAITING) return false;
    this.#waitingBytes += message.length;
    try {
      await this.#parts.connection.commands.publish(this.#channelOf(server), message);
      return true;
    } catch {
      // Not sent again: the news of the job's end may be next.
      return false;
    } finally {
      this.#waitingBytes -= message.length;
    }
  }

  subscribe(listener: (message: Buffer) => void): void {
    this.#listeners.push(listener);
  }

  #channelOf(server: string): string {
    return `${this.#parts.prefix}:messages:${server}`;
  }
}
