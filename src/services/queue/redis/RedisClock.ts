import { messageOf } from '../../../errors.js';
import type { Clock } from '../../../utils/clock.js';
import type { Logger } from '../../../utils/logger.js';
import { Repeater } from '../../../utils/Repeater.js';
import type { RedisConnection } from './RedisConnection.js';

/** Interval of the readings, ms. */
const READ_MS = 60_000;
/** A difference to Redis that people should know of, ms. */
const NOTABLE_MS = 5000;
/** How fast the time runs while it is ahead of Redis. */
const SLOW = 0.5;

interface Parts {
  readonly connection: {
    readonly host: string;
    readonly commands: Pick<RedisConnection['commands'], 'time'>;
    readonly onChange: RedisConnection['onChange'];
  };
  /** The clock of this server: it never goes back. */
  readonly own: Clock;
  readonly logger: Logger;
}

/**
 * The time of Redis, so that all servers agree about lifetimes and deadlines, however wrong their own clocks are. Until
 * `start` it is this server's own time. After that it never goes back: if it is ahead of Redis, it runs at half speed until
 * it is right.
 */
export class RedisClock implements Clock {
  readonly #parts: Parts;
  readonly #readings: Repeater;
  /** What to add to the own time, ms. */
  #offset = 0;
  /** The last time that `now` returned, and the own time then; undefined before the first reading. */
  #last: { own: number; time: number } | undefined;
  /** The difference in the last line of the log, ms. */
  #told = 0;
  #ignoreChanges: () => void = () => undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#readings = new Repeater(() => this.#read(), READ_MS, this.#onError);
  }

  /** Reads the time of Redis: now, after every outage, and once a minute. @throws the rejection of Redis */
  async start(): Promise<void> {
    await this.#readings.now();
    this.#readings.start();
    // Another Redis may have taken over.
    this.#ignoreChanges = this.#parts.connection.onChange((isAvailable) => {
      if (isAvailable) this.#readings.now().catch(this.#onError);
    });
  }

  stop(): void {
    this.#ignoreChanges();
    this.#readings.stop();
  }

  now(): number {
    const own = this.#parts.own.now();
    const right = own + this.#offset;
    const last = this.#last;
    if (!last) return right;
    last.time = Math.max(right, last.time + (own - last.own) * SLOW);
    last.own = own;
    return last.time;
  }

  async #read(): Promise<void> {
    const { connection, own } = this.#parts;
    const asked = own.now();
    const [seconds = 0, microseconds = 0] = await connection.commands.time();
    const answered = own.now();
    const offset = Number(seconds) * 1000 + Number(microseconds) / 1000 - (asked + answered) / 2;
    // Redis read its clock at some moment of the round trip: a smaller difference may be none.
    const uncertainty = 1 + (answered - asked) / 2;
    // Before the correction, so that the slow time begins here.
    this.now();
    if (Math.abs(offset - this.#offset) > uncertainty) this.#offset = Math.round(offset);
    this.#last ??= { own: answered, time: answered + this.#offset };
    this.#tell();
  }

  #tell(): void {
    if (Math.abs(this.#offset - this.#told) < NOTABLE_MS) return;
    const { connection, logger } = this.#parts;
    const isWrong = Math.abs(this.#offset) >= NOTABLE_MS;
    this.#told = isWrong ? this.#offset : 0;
    const redis = connection.host;
    const secondsAhead = Math.round(-this.#offset / 1000);
    if (isWrong) logger.warn('The clock differs from that of Redis', { redis, secondsAhead });
    else logger.info('The clock agrees with that of Redis again', { redis });
  }

  /** The connection logs outages; this is for debugging. */
  readonly #onError = (error: unknown): void => {
    this.#parts.logger.debug('The time of Redis could not be read', { error: messageOf(error) });
  };
}
