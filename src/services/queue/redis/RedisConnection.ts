import type { Redis, RedisOptions } from 'ioredis';
import { messageOf } from '../../../errors.js';
import { DeadlineExceeded, settledWithin } from '../../../utils/deadline.js';
import { Listeners } from '../../../utils/Listeners.js';
import type { Logger } from '../../../utils/logger.js';
import { backoffWithJitter } from '../../../utils/timers.js';
import { checkRedis } from './checkRedis.js';

export interface RedisTimings {
  /** How long a command may take, ms. */
  readonly commandMs: number;
  /** How long a socket may take to connect, ms. */
  readonly connectMs: number;
  /** A socket that does not answer for so long is given up, ms: the host behind it may be gone. */
  readonly silenceMs: number;
  /** Between two looks whether Redis answers, ms. */
  readonly heartbeatMs: number;
  /** First and longest wait before a new attempt to connect, ms. */
  readonly reconnectBaseMs: number;
  readonly reconnectMaxMs: number;
  /** How long the start waits for Redis, ms. */
  readonly startMs: number;
}

const REDIS_TIMINGS: RedisTimings = {
  commandMs: 2000,
  connectMs: 5000,
  silenceMs: 6000,
  heartbeatMs: 2000,
  reconnectBaseMs: 50,
  reconnectMaxMs: 2000,
  startMs: 10_000,
};

/** No attempt to connect again helps against these. */
const REFUSED = /^(WRONGPASS|NOAUTH|NOPERM|ERR invalid password|ERR DB index|DENIED)/;

interface Clients {
  readonly commands: Redis;
  readonly subscriber: Redis;
}

/**
 * The two connections of a server to Redis: one for commands, one that hears messages. They come back by themselves, however
 * long Redis is away; until then, commands reject at once.
 */
export class RedisConnection {
  readonly #url: string;
  readonly #timings: RedisTimings;
  readonly #logger: Logger;
  readonly #onChange: Listeners<[isAvailable: boolean]>;
  #clients: Clients | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #isAvailable = false;
  #isStopped = false;
  #lastError = 'the connection was closed';

  /** @param url with its password, which is told to nobody but Redis */
  constructor(url: string, logger: Logger, timings: Partial<RedisTimings> = {}) {
    this.#url = url;
    this.#logger = logger;
    this.#timings = { ...REDIS_TIMINGS, ...timings };
    const onError = (error: unknown) => logger.error('A Redis listener failed', { error: messageOf(error) });
    this.#onChange = new Listeners(onError);
  }

  /** Host and port, for people. */
  get host(): string {
    return new URL(this.#url).host;
  }

  /** For commands that do not block. @throws Error before `start` */
  get commands(): Redis {
    return this.#started.commands;
  }

  /** For `Subscription`. @throws Error before `start` */
  get subscriber(): Redis {
    return this.#started.subscriber;
  }

  /** Whether Redis answered last time. */
  get isAvailable(): boolean {
    return this.#isAvailable && !this.#isStopped;
  }

  /** Calls `listener` when Redis goes, and when it is back. @returns what ends it */
  onChange(listener: (isAvailable: boolean) => void): () => void {
    return this.#onChange.add(listener);
  }

  /**
   * Connects, and looks whether jobs are safe there.
   * @throws Error that says why this Redis cannot be used
   */
  async start(): Promise<void> {
    // Loaded only where it is needed.
    const { Redis: Client } = await import('ioredis');
    const options = this.#options();
    const clients = { commands: new Client(this.#url, options), subscriber: new Client(this.#url, options) };
    this.#clients = clients;
    // BullMQ listens to the one for each queue, of which there is one for each workflow, subscriptions to the other.
    for (const client of [clients.commands, clients.subscriber]) client.setMaxListeners(0);
    try {
      const both = [this.#connected(clients.commands), this.#connected(clients.subscriber)];
      await settledWithin(this.#timings.startMs, Promise.all(both));
      await checkRedis(clients.commands);
    } catch (error) {
      this.#disconnect(clients);
      const isLate = error instanceof DeadlineExceeded;
      const why = isLate ? `it cannot be reached: ${this.#lastError}` : messageOf(error);
      // Without its cause: the client's errors hold the command, and with it the password.
      throw new Error(`Redis at ${this.host} cannot be used: ${why}.`);
    }
    this.#isAvailable = true;
    clients.commands.on('ready', () => void this.#look());
    clients.subscriber.on('ready', () => void this.#look());
    for (const client of [clients.commands, clients.subscriber]) {
      client.on('close', () => this.#set(false));
    }
    this.#heartbeat = setInterval(() => void this.#look(), this.#timings.heartbeatMs);
  }

  /** Ends both connections, once what was sent is answered. */
  async stop(): Promise<void> {
    const clients = this.#clients;
    clearInterval(this.#heartbeat);
    if (!clients) return;
    this.#isStopped = true;
    await clients.commands.quit().catch(() => undefined);
    this.#disconnect(clients);
  }

  get #started(): Clients {
    if (!this.#clients) throw new Error('Not connected to Redis yet.');
    return this.#clients;
  }

  #options() {
    const { commandMs, connectMs, silenceMs, reconnectBaseMs, reconnectMaxMs } = this.#timings;
    return {
      lazyConnect: true,
      commandTimeout: commandMs,
      connectTimeout: connectMs,
      socketTimeout: silenceMs,
      retryStrategy: (times: number) => backoffWithJitter(times - 1, reconnectBaseMs, reconnectMaxMs),
      // After a failover the address may still lead to what is a replica now.
      reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
      // A command that waits for Redis to come back is carried out when its caller has long given up, or has called again. So
      // none waits: what is sent while Redis is away, or was not answered when it went, rejects at once. The callers repeat
      // what must not be lost.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      // Whoever subscribes does it, and knows then that something may be lost.
      autoResubscribe: false,
    } satisfies RedisOptions;
  }

  /** Resolves when the client may be used; rejects when it never will. */
  async #connected(client: Redis): Promise<void> {
    const ready = new Promise<void>((resolve, reject) => {
      client.once('ready', resolve);
      client.on('error', (error) => {
        this.#lastError = messageOf(error);
        if (REFUSED.test(this.#lastError)) reject(error);
      });
    });
    // It goes on trying when this fails.
    client.connect().catch(() => undefined);
    await ready;
  }

  /** Asks both connections. One that does not answer is closed by `silenceMs`, and made anew. */
  async #look(): Promise<void> {
    const clients = this.#started;
    try {
      await Promise.all([clients.commands.ping(), clients.subscriber.ping()]);
      this.#set(true);
    } catch (error) {
      if (clients.commands.status === 'ready') this.#lastError = messageOf(error);
      this.#set(false);
    }
  }

  #set(isAvailable: boolean): void {
    if (this.#isStopped || this.#isAvailable === isAvailable) return;
    this.#isAvailable = isAvailable;
    if (isAvailable) this.#logger.info('Redis is available again', { redis: this.host });
    else this.#logger.warn('Redis is unavailable', { redis: this.host, error: this.#lastError });
    this.#onChange.tell(isAvailable);
  }

  #disconnect(clients: Clients): void {
    clients.commands.disconnect();
    clients.subscriber.disconnect();
  }
}
