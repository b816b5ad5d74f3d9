import type { RedisConnection } from '../../queue/redis/RedisConnection.js';
import {
  type FiguresExchange,
  type ServerFigures,
  type ServerGauges,
  serverGauges,
} from '../FiguresExchange.js';
import { type RecorderState, recorderState } from '../Recorder.js';

/** How long what a server counted is kept after it was last heard of, ms: as long as the longest window. */
const KEPT_MS = 24 * 3_600_000;
/** A server that is silent for so long is gone, ms. */
const ALIVE_MS = 10_000;
/** Servers whose figures are read: those that were heard of last. */
const MAX_SERVERS = 200;

/**
 * Figures in Redis. Keys, each behind the prefix in braces; all but the first are gone a day after a server was last heard of:
 *
 * | key | what |
 * |---|---|
 * | `figures` | sorted set of the servers' ids by when they were last heard of |
 * | `figures:<id>` | what a server counted, without its minutes: about 2 KB, and 1 KB for each type and machine |
 * | `figures:<id>:minutes` | hash of the minutes in which jobs ended, at most 1440 of about 70 bytes for each type |
 * | `figures:<id>:now` | what it does; for 10 s |
 */
export class RedisFigures implements FiguresExchange {
  readonly #connection: RedisConnection;
  readonly #base: string;
  /** What servers had told at the last look, as texts and as read: mostly nothing is new. */
  readonly #known = new Map<string, { readonly text: string; readonly counted: RecorderState }>();
  /** The newest minute that was told, and all that were; undefined where Redis may know none. */
  #told: { readonly newest: number; readonly minutes: readonly number[] } | undefined;

  /** @param base what all keys begin with */
  constructor(connection: RedisConnection, base: string) {
    this.#connection = connection;
    this.#base = `${base}:figures`;
  }

  async tell(id: string, now: ServerGauges, counted?: RecorderState): Promise<void> {
    const told = this.#told;
    this.#told = undefined;
    const key = this.#keyOf(id);
    const batch = this.#redis
      .pipeline()
      .set(`${key}:now`, JSON.stringify(now), 'PX', ALIVE_MS)
      .zadd(this.#base, Date.now(), id)
      .zremrangebyscore(this.#base, '-inf', Date.now() - KEPT_MS)
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
    // Nobody should wait for the time limit of a call.
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
      // Of another version, or damaged: those of the other servers are shown all the same.
      return undefined;
    }
  }

  /** The same object as long as nothing changed. @throws Error for what no server told */
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
