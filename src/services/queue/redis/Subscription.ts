import type { Redis } from 'ioredis';
import { messageOf } from '../../../errors.js';
import type { Logger } from '../../../utils/logger.js';

/** Before another attempt to subscribe on a connection that works, ms. */
const RETRY_MS = 1000;

interface SubscriptionListener {
  onMessage(channel: string, text: string): void;
  /** Messages are heard again, on a new connection: those that were sent meanwhile are lost. */
  onAgain?(): void;
}

/** Hears messages on some channels for as long as it is not stopped: a connection that was made anew has no subscriptions. */
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

  /** @throws what Redis rejects with the first time */
  static async begin(
    subscriber: Redis,
    channels: readonly string[],
    listener: SubscriptionListener,
    logger: Logger,
  ): Promise<Subscription> {
    const subscription = new Subscription(subscriber, channels, listener, logger);
    subscriber.on('message', subscription.#onMessage);
    subscriber.on('ready', subscription.#onReady);
    await subscriber.subscribe(...channels);
    return subscription;
  }

  stop(): void {
    clearTimeout(this.#retry);
    this.#subscriber.off('message', this.#onMessage);
    this.#subscriber.off('ready', this.#onReady);
  }

  readonly #onMessage = (channel: string, text: string): void => {
    if (this.#channels.includes(channel)) this.#listener.onMessage(channel, text);
  };

  /** Until it worked, or the connection is made anew once more. */
  readonly #onReady = (): void => {
    clearTimeout(this.#retry);
    this.#subscriber.subscribe(...this.#channels).then(
      () => this.#listener.onAgain?.(),
      (error: unknown) => {
        // The connection tells of outages; this is for whoever looks closely.
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
