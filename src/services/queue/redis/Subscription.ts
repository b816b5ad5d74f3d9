import type { Redis } from 'ioredis';
import { messageOf } from '../../../errors.js';
import type { Logger } from '../../../utils/logger.js';

/** Delay before another attempt to subscribe on a working connection, ms. */
const RETRY_MS = 1000;

interface SubscriptionListener {
  onMessage?(channel: string, text: string): void;
  /** Gets the same messages, for channels with messages that are no texts. */
  onBytes?(channel: string, bytes: Buffer): void;
  /** Messages arrive again, on a new connection: those sent in between are lost. */
  onAgain?(): void;
}

/** Subscribes to some channels, and again after each reconnect, because a new connection has no subscriptions. */
export class Subscription {
  readonly #subscriber: Redis;
  readonly #channels: readonly string[];
  readonly #listener: SubscriptionListener;
  readonly #logger: Logger;
  #retry: NodeJS.Timeout | undefined;

  private constructor(
    subscriber: Redis,
    channels: readonly string[],
    listener: SubscriptionListener,
    logger: Logger,
  ) {
    this.#subscriber = subscriber;
    this.#channels = channels;
    this.#listener = listener;
    this.#logger = logger;
  }

  /** @throws the rejection of Redis the first time */
  static async begin(
    subscriber: Redis,
    channels: readonly string[],
    listener: SubscriptionListener,
    logger: Logger,
  ): Promise<Subscription> {
    const subscription = new Subscription(subscriber, channels, listener, logger);
    // Not `message`: it would decode all messages, also those that are images.
    subscriber.on('messageBuffer', subscription.#onMessage);
    subscriber.on('ready', subscription.#onReady);
    await subscriber.subscribe(...channels);
    return subscription;
  }

  stop(): void {
    clearTimeout(this.#retry);
    this.#subscriber.off('messageBuffer', this.#onMessage);
    this.#subscriber.off('ready', this.#onReady);
  }

  readonly #onMessage = (channel: Buffer, bytes: Buffer): void => {
    const name = channel.toString();
    if (!this.#channels.includes(name)) return;
    this.#listener.onBytes?.(name, bytes);
    this.#listener.onMessage?.(name, bytes.toString());
  };

  /** Until it succeeds, or the connection is replaced once more. */
  readonly #onReady = (): void => {
    clearTimeout(this.#retry);
    this.#subscriber.subscribe(...this.#channels).then(
      () => this.#listener.onAgain?.(),
      (error: unknown) => {
        // The connection logs outages; this is for debugging.
        this.#logger.debug('Could not subscribe in Redis', {
          channels: this.#channels,
          error: messageOf(error),
        });
        this.#retry = setTimeout(() => {
          if (this.#subscriber.status === 'ready') this.#onReady();
        }, RETRY_MS);
      },
    );
  };
}
