import type { Redis, RedisOptions } from 'ioredis';
import { messageOf } from '../../../errors.js';
import { DeadlineExceeded, settledWithin } from '../../../utils/deadline.js';
import { Listeners } from '../../../utils/Listeners.js';
import type { Logger } from '../../../utils/logger.js';
import { backoffWithJitter, sleep } from '../../../utils/timers.js';
import { checkRedis } from './checkRedis.js';
import { RefusedCommands } from './RefusedCommands.js';
import { writeTogether } from './writeTogether.js';

export interface RedisTimings {
  /** Timeout of a command, ms. */
  readonly commandMs: number;
  /** Timeout for connecting, ms. */
  readonly connectMs: number;
  /** A connection without a response for this time is closed, ms: its host may be gone. */
  readonly silenceMs: number;
  /** Interval of the check whether Redis responds, ms. */
  readonly heartbeatMs: number;
  /** First and longest delay before a reconnect, ms. */
  readonly reconnectBaseMs: number;
  readonly reconnectMaxMs: number;
  /** How long the startup waits for Redis, ms. */
  readonly startMs: number;
  /** How long a refused command counts as recent, ms. */
  readonly refusedMs: number;
}

const REDIS_TIMINGS: RedisTimings = {
  commandMs: 2000,
  connectMs: 5000,
  silenceMs: 6000,
  heartbeatMs: 2000,
  reconnectBaseMs: 50,
  reconnectMaxMs: 2000,
  startMs: 10_000,
  refusedMs: 60_000,
};

/** Interval of the check whether a cluster is up, ms. */
const CLUSTER_CHECK_MS = 100;

/** The reason of an outage, unless Redis or the connection gave one. */
const CLOSED = 'the connection was closed';

/** Errors that a reconnect does not repair. */
const REFUSED = /^(WRONGPASS|NOAUTH|NOPERM|ERR invalid password|ERR DB index|DENIED)/;

interface Clients {
  readonly commands: Redis;
  readonly subscriber: Redis;
}

/**
 * The two connections of a server to Redis: one for commands, one for subscriptions. They reconnect by themselves,
 * however long Redis is unavailable; until then, commands reject immediately. Redis is available if it accepts writes: one
 * that is full or read-only responds, but takes no job.
 */
export class RedisConnection {
  readonly #url: string;
  /** Never exists. */
  readonly #heartbeatKey: string;
  readonly #timings: RedisTimings;
  readonly #logger: Logger;
  readonly #onChange: Listeners<[isAvailable: boolean]>;
  readonly #refused: RefusedCommands;
  #clients: Clients | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #isAvailable = false;
  #isStopped = false;
  #lastError = CLOSED;
  /** When it last reconnected because Redis was read-only; by the monotonic clock. */
  #leftReplicaAt = Number.NEGATIVE_INFINITY;

  /**
   * @param url with its password, which is sent to Redis only
   * @param prefix of all keys, with the hash tag
   */
  constructor(url: string, prefix: string, logger: Logger, timings: Partial<RedisTimings> = {}) {
    this.#url = url;
    this.#heartbeatKey = `${prefix}:heartbeat`;
    this.#logger = logger;
    this.#timings = { ...REDIS_TIMINGS, ...timings };
    this.#refused = new RefusedCommands(this.#timings.refusedMs, logger);
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

  /** Whether Redis accepted the last write. */
  get isAvailable(): boolean {
    return this.#isAvailable && !this.#isStopped;
  }

  /** Whether Redis recently refused a command although it is available. The log has the reason. */
  get hasRefused(): boolean {
    return this.#refused.areRecent;
  }

  /** Calls `listener` at the start and end of an outage. @returns a function that removes it */
  onChange(listener: (isAvailable: boolean) => void): () => void {
    return this.#onChange.add(listener);
  }

  /**
   * Connects, and checks whether jobs are safe there.
   * @throws Error with the reason why this Redis cannot be used
   */
  async start(): Promise<void> {
    // Loaded only if needed.
    const { Redis: Client } = await import('ioredis');
    const options = this.#options();
    const clients = { commands: new Client(this.#url, options), subscriber: new Client(this.#url, options) };
    this.#clients = clients;
    writeTogether(clients.commands);
    // BullMQ adds a listener to the first one for each queue, of which there is one per workflow, and subscriptions
    // to the second one.
    for (const client of [clients.commands, clients.subscriber]) client.setMaxListeners(0);
    try {
      const both = [this.#connected(clients.commands), this.#connected(clients.subscriber)];
      const usable = Promise.all(both).then(() => this.#clusterUp(clients.commands));
      await settledWithin(this.#timings.startMs, usable);
      await checkRedis(clients.commands);
    } catch (error) {
      this.#disconnect(clients);
      const isLate = error instanceof DeadlineExceeded;
      const why = isLate ? `it cannot be reached: ${this.#lastError}` : messageOf(error);
      // Without the cause: errors of the client contain the command, and with it the password.
      throw new Error(`Redis at ${this.host} cannot be used: ${why}.`);
    }
    this.#isAvailable = true;
    clients.commands.on('ready', () => void this.#look());
    clients.subscriber.on('ready', () => void this.#look());
    for (const client of [clients.commands, clients.subscriber]) {
      client.on('close', () => this.#set(false));
      this.#refused.watch(client);
    }
    this.#heartbeat = setInterval(() => void this.#look(), this.#timings.heartbeatMs);
    // It may be full.
    await this.#look();
  }

  /** Closes both connections after the responses to sent commands. */
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
      reconnectOnError: (error: Error) => this.#isFormerPrimary(error),
      // A command that waits for a reconnect would be executed after its caller has given up, or has called again. So
      // none waits: commands during an outage, or without a response at its start, reject immediately. The callers
      // repeat what must not be lost.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      // Subscribers do this themselves, because they must know that something may be lost.
      autoResubscribe: false,
    } satisfies RedisOptions;
  }

  /** Resolves when the client is usable; rejects if it never will be. */
  async #connected(client: Redis): Promise<void> {
    const ready = new Promise<void>((resolve, reject) => {
      client.once('ready', resolve);
      client.on('error', (error) => {
        this.#lastError = messageOf(error);
        if (REFUSED.test(this.#lastError)) reject(error);
      });
    });
    // It continues to try after a failure.
    client.connect().catch(() => undefined);
    await ready;
  }

  /** Resolves when a node of a cluster accepts commands, which takes some seconds after its start; elsewhere at once. */
  async #clusterUp(client: Redis): Promise<void> {
    for (;;) {
      try {
        await client.exists('cluster-up');
        return;
      } catch (error) {
        const message = messageOf(error);
        // The user may lack the permission for this key.
        if (!message.startsWith('CLUSTERDOWN')) return;
        this.#lastError = message;
        await sleep(CLUSTER_CHECK_MS);
      }
    }
  }

  /**
   * Whether to reconnect because of an error: after a failover the connection may still lead to a former primary. Not at
   * once again, because Redis may stay read-only.
   */
  #isFormerPrimary({ message }: Error): boolean {
    if (!message.startsWith('READONLY')) return false;
    this.#lastError = message;
    const now = performance.now();
    if (now - this.#leftReplicaAt < this.#timings.reconnectMaxMs) return false;
    this.#leftReplicaAt = now;
    return true;
  }

  /** Uses both connections. A connection that does not respond is closed after `silenceMs`, and replaced. */
  async #look(): Promise<void> {
    const { commands, subscriber } = this.#started;
    try {
      // A write that changes nothing, because the key must exist. Redis refuses it if it refuses others.
      await Promise.all([commands.set(this.#heartbeatKey, '', 'XX'), subscriber.ping()]);
      this.#set(true);
    } catch (error) {
      if (commands.status === 'ready') this.#lastError = messageOf(error);
      this.#set(false);
    }
  }

  #set(isAvailable: boolean): void {
    if (this.#isStopped || this.#isAvailable === isAvailable) return;
    this.#isAvailable = isAvailable;
    if (isAvailable) this.#logger.info('Redis is available again', { redis: this.host });
    else this.#logger.warn('Redis is unavailable', { redis: this.host, error: this.#lastError });
    this.#lastError = CLOSED;
    this.#onChange.tell(isAvailable);
  }

  #disconnect(clients: Clients): void {
    clients.commands.disconnect();
    clients.subscriber.disconnect();
  }
}
