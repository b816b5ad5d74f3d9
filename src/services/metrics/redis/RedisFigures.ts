import type { Clock } from '../../../utils/clock.js';
import type { RedisConnection } from '../../queue/redis/RedisConnection.js';
import {
  type FiguresExchange,
  type ServerFigures,
  type ServerGauges,
  serverGauges,
} from '../FiguresExchange.js';
import { type RecorderState, recorderState } from '../Recorder.js';

/** How long the counters of a server are kept after its last report, ms: as long as the longest window. */
const KEPT_MS = 24 * 3_600_000;
/** A server without a report for this time is gone, ms. */
const ALIVE_MS = 10_000;
/** Maximum number of servers that are read: those with the latest reports. */
const MAX_SERVERS = 200;

/**
 * Metrics in Redis. Each key is behind the prefix in braces. All but the first expire a day after the server's last
 * report:
 *
 * | key | content |
 * |---|---|
 * | `figures` | sorted set of the servers' ids by the time of their last report |
 * | `figures:<id>` | counters of a server without its minutes: about 2 KB, and 1 KB for each type and machine |
 * | `figures:<id>:minutes` | hash of the minutes in which jobs ended, at most 1440 of about 70 bytes for each type |
 * | `figures:<id>:now` | gauges of a server; for 10 s |
 */
export class RedisFigures implements FiguresExchange {
  readonly #connection: RedisConnection;
  readonly #base: string;
  readonly #clock: Clock;
  /** Reports of the last read, as text and parsed: most do not change. */
  readonly #known = new Map<string, { readonly text: string; readonly counted: RecorderState }>();
  /** The newest and all reported minutes; `undefined` if Redis may have none. */
  #told: { readonly newest: number; readonly minutes: readonly number[] } | undefined;

  /**
   * @param base prefix of all keys
   * @param clock the same for all servers
   */
  constructor(connection: RedisConnection, base: string, clock: Clock) {
    this.#connection = connection;
    this.#base = `${base}:figures`;
    this.#clock = clock;
  }

  async tell(id: string, now: ServerGauges, counted?: RecorderState): Promise<void> {
    const told = this.#told;
    this.#told = undefined;
    const key = this.#keyOf(id);
    const time = this.#clock.now();
    const batch = this.#redis
      .pipeline()
      .set(`${key}:now`, JSON.stringify(now), 'PX', ALIVE_MS)
      .zadd(this.#base, time, id)
      .zremrangebyscore(this.#base, '-inf', time - KEPT_MS)
      .pexpire(key, KEPT_MS);
    if (counted) {
      const { windows, ...totals } = counted;
      batch.set(key, JSON.stringify(totals), 'PX', KEPT_MS);
      const changed = windows.filter(({ minute }) => minute >= (told?.newest ?? 0));
      if (changed.length > 0) {
        batch.hset(`${key}:minutes`, ...changed.flatMap((one) => [one.minute, JSON.stringify(one)]));
      }
      const oldest = windows[0]?.minute ?? 0;
      const gone = (told?.minutes ?? []).filter((minute) => minute < oldest);
      if (gone.length > 0) batch.hdel(`${key}:minutes`, ...gone.map(String));
    }
    batch.pexpire(`${key}:minutes`, KEPT_MS);
    for (const [error] of (await batch.exec()) ?? []) if (error) throw error;
    const minutes = counted?.windows.map(({ minute }) => minute);
    this.#told = minutes ? { newest: minutes.at(-1) ?? 0, minutes } : told;
  }

  async leave(id: string): Promise<void> {
    await this.#redis.del(`${this.#keyOf(id)}:now`);
  }

  async all(): Promise<ReadonlyMap<string, ServerFigures>> {
    // Fail at once instead of after the time limit of a call.
    if (!this.#connection.isAvailable) throw new Error('Redis is not available.');
    const ids = await this.#redis.zrevrangebyscore(this.#base, '+inf', '-inf', 'LIMIT', 0, MAX_SERVERS);
    for (const id of this.#known.keys()) if (!ids.includes(id)) this.#known.delete(id);
    const found = await Promise.all(ids.map(async (id) => [id, await this.#read(id)] as const));
    return new Map(found.flatMap(([id, figures]) => (figures ? [[id, figures] as const] : [])));
  }

  async #read(id: string): Promise<ServerFigures | undefined> {
    const key = this.#keyOf(id);
    const [totals, minutes, now] = await Promise.all([
      this.#redis.get(key),
      this.#redis.hvals(`${key}:minutes`),
      this.#redis.get(`${key}:now`),
    ]);
    try {
      if (totals === null) return undefined;
      const counted = this.#counted(id, totals, minutes);
      return { counted, now: now === null ? undefined : serverGauges.parse(JSON.parse(now)) };
    } catch {
      // Written by another version, or damaged: the other servers are still shown.
      return undefined;
    }
  }

  /** Returns the same object while nothing changes. @throws Error for anything that no server wrote */
  #counted(id: string, totals: string, minutes: readonly string[]): RecorderState {
    const text = `${totals}\n${minutes.join()}`;
    const known = this.#known.get(id);
    if (known?.text === text) return known.counted;
    const windows: unknown[] = minutes.map((one) => JSON.parse(one));
    const counted = recorderState.parse({ ...JSON.parse(totals), windows });
    this.#known.set(id, { text, counted });
    return counted;
  }

  get #redis(): RedisConnection['commands'] {
    return this.#connection.commands;
  }

  #keyOf(id: string): string {
    return `${this.#base}:${id}`;
  }
}
